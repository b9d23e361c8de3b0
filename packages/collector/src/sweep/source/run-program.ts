/**
 * Runs one program to its end, in a process group of its own, with bounds on time and output. Whatever of the group is
 * left when the program has ended, or when it must, is killed.
 */
import { spawn } from 'node:child_process';

/** Between the request to end and the kill. */
const graceMs = 5000;
/** Of each stream; what comes first is dropped. */
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
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly why: 'itself' | 'timeout' | 'stopped';
}

export type ProgramOutcome = ProgramEnd | { readonly kind: 'not-started'; readonly reason: string };

export function runProgram(call: ProgramCall): Promise<ProgramOutcome> {
  const [program, ...rest] = call.argv;
  if (call.signal.aborted) {
    return Promise.resolve({ kind: 'ended', exitCode: null, stdout: '', stderr: '', why: 'stopped' });
  }
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      cwd: call.cwd,
      env: call.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...call.runAs,
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] = (output[name] + text).slice(-maxOutputCharacters);
      });
    }
    let why: ProgramEnd['why'] = 'itself';
    let killer: NodeJS.Timeout | undefined;
    const end = (because: ProgramEnd['why']) => {
      if (why !== 'itself') return;
      why = because;
      killGroup(child.pid, 'SIGTERM');
      killer = setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs);
    };
    const onAbort = () => end('stopped');
    const deadline = setTimeout(() => end('timeout'), call.timeoutMs);
    call.signal.addEventListener('abort', onAbort);
    const tidy = () => {
      clearTimeout(deadline);
      clearTimeout(killer);
      call.signal.removeEventListener('abort', onAbort);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      tidy();
      resolve({ kind: 'not-started', reason: error.code ?? error.message });
    });
    child.on('exit', () => killGroup(child.pid, 'SIGKILL'));
    child.on('close', (exitCode) => {
      tidy();
      resolve({ kind: 'ended', exitCode, ...output, why });
    });
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has gone.
  }
}
