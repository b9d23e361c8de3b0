/**
 * Runs AIDE as a process: in a group of its own, at the lowest priority, without a shell, and for no longer than it may.
 * AIDE 0.18 does not heed SIGTERM, so nothing but SIGKILL ends it.
 */
import { spawn, type StdioOptions } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { aideDescriptors } from '@holdfast/shared/aide-config';
import { killGroup, markRunning } from './running-mark.ts';

/** A binary, and what is run before it: each starts the next in its own place. */
export interface AideProgram {
  readonly path: string;
  readonly wrappers: readonly string[];
}

/** More than any report of a scope within its limits. */
export const maxAideReportMib = 512;
/** How often the database that is being written is looked at, and what it may grow to. */
const sizeCheckMs = 500;

export interface AideProcessOptions {
  readonly program: AideProgram;
  readonly args: readonly string[];
  /** Read by AIDE from its stdin. */
  readonly config?: string;
  /** Open files. */
  readonly baseline?: number;
  readonly database?: number;
  readonly maxDatabaseBytes?: number;
  /** Pieces of latin1. */
  readonly onStdout?: (piece: string) => void;
  readonly onStderr: (piece: string) => void;
  readonly onReport?: (piece: string) => void;
  readonly timeLimitMs: number;
  /** Where the mark of a running AIDE is kept; null for a run of moments. */
  readonly stateDirectory: string | null;
  readonly signal: AbortSignal;
}

export interface AideProcessEnd {
  /** Null: a signal ended it. */
  readonly exit: number | null;
  /** Why we ended it; null if we did not. */
  readonly killedFor: string | null;
}

/** Rejects if the program cannot be started. Whatever else happens is in the answer. */
export async function runAideProcess(options: AideProcessOptions): Promise<AideProcessEnd> {
  const { program, args, timeLimitMs, signal } = options;
  const [command = program.path, ...rest] = [...program.wrappers, program.path, ...args];
  if (signal.aborted) return { exit: null, killedFor: 'the agent stops' };
  const child = spawn(command, rest, {
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: stdioOf(options),
  });
  const { pid } = child;
  let killedFor: string | null = null;
  const kill = (reason: string): void => {
    killedFor ??= reason;
    if (pid !== undefined) killGroup(pid);
  };
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const mark = pid === undefined || !options.stateDirectory ? null : markRunning(options.stateDirectory, pid);
  if (pid !== undefined) lowerPriority(pid);
  follow(child.stdio, options, kill);
  const timer = setTimeout(() => kill(`it took longer than ${timeLimitMs / 1000} s`), timeLimitMs);
  const sizes = setInterval(() => checkSize(options, kill), sizeCheckMs);
  const stop = (): void => kill('the agent stops');
  signal.addEventListener('abort', stop);
  try {
    const exit = await ended;
    checkSize(options, kill);
    return { exit, killedFor };
  } finally {
    clearTimeout(timer);
    clearInterval(sizes);
    signal.removeEventListener('abort', stop);
    if (pid !== undefined) killGroup(pid);
    mark?.remove();
  }
}

type Pipes = readonly (Readable | Writable | null | undefined)[];

function stdioOf({ config, onStdout, baseline, database, onReport }: AideProcessOptions): StdioOptions {
  const stdio: StdioOptions = [
    config === undefined ? 'ignore' : 'pipe',
    onStdout ? 'pipe' : 'ignore',
    'pipe',
    'ignore',
    'ignore',
    'ignore',
  ];
  if (baseline !== undefined) stdio[aideDescriptors.baseline] = baseline;
  if (onReport) stdio[aideDescriptors.report] = 'pipe';
  if (database !== undefined) stdio[aideDescriptors.database] = database;
  return stdio;
}

function follow(pipes: Pipes, options: AideProcessOptions, kill: (reason: string) => void): void {
  const { config, onStdout, onStderr, onReport } = options;
  const read = (at: number, take: ((piece: string) => void) | undefined): void => {
    const pipe = pipes[at] as Readable | null | undefined;
    if (!pipe || !take) return;
    let bytes = 0;
    pipe.setEncoding('latin1');
    pipe.on('error', () => kill('its output could not be read'));
    pipe.on('data', (piece: string) => {
      bytes += piece.length;
      if (bytes > maxAideReportMib * 2 ** 20) kill(`it wrote more than ${maxAideReportMib} MiB`);
      else take(piece);
    });
  };
  read(1, onStdout);
  read(2, onStderr);
  read(aideDescriptors.report, onReport);
  const stdin = pipes[0] as Writable | null;
  stdin?.on('error', () => {}); // AIDE ends before it has read all, and says why
  stdin?.end(config);
}

function checkSize(
  { database, maxDatabaseBytes = Infinity }: AideProcessOptions,
  kill: (reason: string) => void,
): void {
  if (database === undefined || fstatSync(database).size <= maxDatabaseBytes) return;
  kill(`its database became larger than ${maxDatabaseBytes / 2 ** 20} MiB`);
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, or the sandbox forbids it: it then runs as the agent does.
  }
}
