/**
 * Runs one child in a process group of its own, and sees to it that nothing of the group is left: not when it ends,
 * not when it takes too long, and not when this process is killed.
 *
 * A shell stands between. It starts a watchdog that waits on a pipe which only we hold open, and runs the command. If
 * we die, the kernel closes the pipe, and the watchdog removes the plan, kills what carries the command's mark in its
 * environment, in whatever session it is, and then the group.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { sweepMark } from '#sweep/core/child-environment';
import { lastLines } from '#sweep/core/plan-stream';
import { killMarked } from '#sweep/strays';

export const maxStderrLength = 16 * 1024;
/** After the first interrupt Terraform waits for the call that it is in; after the second it does not. */
const secondGraceMs = 2000;
/** Output that a process outside of the group keeps open is not waited for any longer. */
const maxDrainMs = 2000;

const shell = '/bin/sh';
const script = `
[ -z "$1" ] || umask "$1"
directory=$2
mark=$3
shift 3
(
  trap '' HUP INT QUIT TERM
  exec </dev/null >/dev/null 2>&1
  IFS= read -r line <&3
  [ -z "$directory" ] || rm -rf -- "$directory"
  if [ -n "$mark" ]; then
    for file in $(grep -lF -e "${sweepMark}=$mark/" /proc/[0-9]*/environ); do
      file=\${file%/environ}
      kill -s KILL "\${file#/proc/}"
    done
  fi
  kill -s KILL 0
) &
watchdog=$!
trap : HUP INT QUIT TERM
[ -z "$mark" ] || export ${sweepMark}="$mark/"
"$@" 3<&-
code=$?
kill -s KILL "$watchdog"
wait "$watchdog" 2>/dev/null
exit "$code"
`;

export interface ChildRequest {
  readonly argv: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** Removed by the watchdog, and what is written is for its user alone; null: it writes no plan. */
  readonly planDirectory: string | null;
  /** Put into the environment of its processes, should they leave the group; null: what leaves it may. */
  readonly mark: string | null;
  readonly timeoutMs: number;
  readonly graceMs: number;
  /** Stops it. */
  readonly stop: AbortSignal;
  onStdout(chunk: Buffer): void;
  onStderr?(text: string): void;
}

export interface ChildEnd {
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stoppedBy: 'timeout' | 'stop' | null;
  /** The last lines. */
  readonly stderr: string;
  readonly durationMs: number;
}

/** Resolves when nothing of it runs any more. Throws if it can't be started, as when there are too many processes. */
export async function runChild(request: ChildRequest): Promise<ChildEnd> {
  const startedAt = performance.now();
  const umaskAndPlan = request.planDirectory === null ? ['', ''] : ['077', request.planDirectory];
  const child = spawn(shell, ['-c', script, shell, ...umaskAndPlan, request.mark ?? '', ...request.argv], {
    cwd: request.directory,
    env: { ...request.environment },
    ...request.runAs,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const lifeline = child.stdio[3] as Readable;
  lifeline.on('error', () => undefined);
  let stderr = '';
  child.stdout!.on('data', (chunk: Buffer) => request.onStdout(chunk));
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = lastLines(stderr + chunk, maxStderrLength);
    request.onStderr?.(chunk);
  });
  const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const stopper = new Stopper(child, request);
  let end: Pick<ChildEnd, 'exitCode' | 'signal'>;
  try {
    end = await exitOf(child);
  } finally {
    stopper.end();
    killGroup(child, 'SIGKILL');
    if (stopper.stoppedBy !== null && request.mark !== null) await killMarked(request.mark);
    const drained = new AbortController();
    await Promise.race([closed, sleep(maxDrainMs, undefined, drained).catch(() => undefined)]);
    drained.abort();
    for (const stream of [child.stdout, child.stderr, lifeline]) stream?.destroy();
  }
  return { ...end, stoppedBy: stopper.stoppedBy, stderr, durationMs: performance.now() - startedAt };
}

function exitOf(child: ChildProcess): Promise<{ exitCode: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

/** Interrupt, grace, interrupt, kill: at the timeout, or when it is told to stop. */
class Stopper {
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  readonly #stop: AbortSignal;
  readonly #onStop = () => this.#begin('stop');
  #timer: NodeJS.Timeout | undefined;
  stoppedBy: ChildEnd['stoppedBy'] = null;

  constructor(child: ChildProcess, { timeoutMs, graceMs, stop }: ChildRequest) {
    this.#child = child;
    this.#graceMs = graceMs;
    this.#stop = stop;
    this.#timer = setTimeout(() => this.#begin('timeout'), timeoutMs);
    if (stop.aborted) this.#begin('stop');
    else stop.addEventListener('abort', this.#onStop);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#stop.removeEventListener('abort', this.#onStop);
  }

  #begin(because: 'timeout' | 'stop'): void {
    if (this.stoppedBy !== null) return;
    this.stoppedBy = because;
    clearTimeout(this.#timer);
    killGroup(this.#child, 'SIGINT');
    this.#timer = setTimeout(() => {
      killGroup(this.#child, 'SIGINT');
      const rest = Math.min(this.#graceMs, secondGraceMs);
      this.#timer = setTimeout(() => killGroup(this.#child, 'SIGKILL'), rest);
    }, this.#graceMs);
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}
