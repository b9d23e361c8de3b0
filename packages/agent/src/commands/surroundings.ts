import type { Writable } from 'node:stream';

/** What a command has from the process it runs in; tests make their own. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborts with an {@link Interruption} when the command should stop. */
  readonly signal: AbortSignal;
}

/** A signal that asks to stop. */
export class Interruption extends Error {
  /** What a shell expects of a program that the signal ended. */
  readonly exitCode: number;
  constructor(exitCode: number) {
    super('interrupted');
    this.name = 'Interruption';
    this.exitCode = exitCode;
  }
}
