/**
 * Runs one program to its end, with bounds on time and output. Whatever of its group is left when the program has ended,
 * when it must end, or when this process is killed, is killed too: see run-child.ts.
 */
import { StringDecoder } from 'node:string_decoder';
import { type ChildEnd, runChild } from '#sweep/run-child';
import { findProgram } from './find-program.ts';

/** Between the request to end and the kill. */
const graceMs = 5000;
/** Of stdout; what comes first is dropped. */
const maxOutputCharacters = 1_000_000;

export interface ProgramCall {
  readonly argv: readonly [program: string, ...rest: string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Null: as we are. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
}

export interface ProgramEnd {
  readonly kind: 'ended';
  /** Null, or 128 and its number, if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** The last lines. */
  readonly stderr: string;
  readonly why: 'itself' | 'timeout' | 'stopped';
}

export type ProgramOutcome = ProgramEnd | { readonly kind: 'not-started'; readonly reason: string };

const whyOf = { timeout: 'timeout', stop: 'stopped' } as const;

export async function runProgram(call: ProgramCall): Promise<ProgramOutcome> {
  const { argv, cwd, environment, timeoutMs, signal, runAs } = call;
  if (signal.aborted) return { kind: 'ended', exitCode: null, stdout: '', stderr: '', why: 'stopped' };
  const found = await findProgram(argv[0], cwd, environment['PATH']);
  if ('problem' in found) return { kind: 'not-started', reason: found.problem };
  const decoder = new StringDecoder('utf8');
  let stdout = '';
  let end: ChildEnd;
  try {
    end = await runChild({
      argv,
      directory: cwd,
      environment,
      runAs,
      planDirectory: null,
      mark: null,
      timeoutMs,
      graceMs,
      stop: signal,
      onStdout: (chunk) => (stdout = (stdout + decoder.write(chunk)).slice(-maxOutputCharacters)),
    });
  } catch (error) {
    return { kind: 'not-started', reason: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
  const { exitCode, stderr, stoppedBy } = end;
  return { kind: 'ended', exitCode, stdout, stderr, why: stoppedBy === null ? 'itself' : whyOf[stoppedBy] };
}
