/** For tests: the agent over a scratch tree, within the test's process or as one of its own. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { runProgram } from './program.ts';

/** A process that has not ended by then is killed, and its exit code is null. */
const timeoutMs = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

export interface TestAgent {
  readonly directory: string;
  /** The tree that the scope names. */
  readonly tree: string;
  readonly baseline: string;
  readonly environment: Environment;
  /** Runs a command within this process, to its end. Starting a process takes half a second. */
  run(args: readonly string[], environment?: Environment): Promise<Ended>;
  /** Starts a process: the agent's, or that of a shell that runs the agent. Killed when the test ends. */
  spawn(command: readonly string[], options?: SpawnOptions): ChildProcess;
}

export async function testAgent(t: TestContext): Promise<TestAgent> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-agent-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const tree = join(directory, 'tree');
  const scopeFile = join(directory, 'scope.yaml');
  await mkdir(tree);
  await writeFile(join(tree, 'a.conf'), 'a = 1\n', { mode: 0o644 });
  await writeFile(join(tree, 'b.conf'), 'b = 1\n', { mode: 0o644 });
  await writeFile(scopeFile, `version: 1\npaths:\n  - path: ${tree}\n`);
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOLDFAST_SCOPE_FILE: scopeFile,
    HOLDFAST_STATE_DIR: join(directory, 'state'),
    HOLDFAST_NODE_NAME: 'worker-1',
    HOLDFAST_LISTEN: '127.0.0.1:0',
    HOLDFAST_START_SPLAY_SECONDS: '0',
  };
  return {
    directory,
    tree,
    baseline: join(directory, 'baseline'),
    environment,
    run: (args, more = {}) => runHere(args, { ...environment, ...more }),
    spawn: ([program = '', ...args], options = {}) => {
      const child = spawn(program, args, { env: environment, ...options });
      t.after(() => child.kill('SIGKILL'));
      return child;
    },
  };
}

async function runHere(args: readonly string[], environment: Environment): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  const { signal } = new AbortController();
  const code = await runProgram(args, { environment, hostname: 'worker-1', stdout, stderr, signal });
  stdout.end();
  stderr.end();
  const [out, err] = await said;
  return { code, stdout: out, stderr: err };
}

/**
 * The command, for a process to which the modes of files apply: under root, that of the checkout's owner and without
 * root's way around them. Not "nobody", who may be kept out of the checkout itself (below /root, or with umask 077).
 */
export async function boundByModes(
  command: readonly string[],
  owned: readonly string[],
): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return command;
  const { uid, gid } = await stat(import.meta.filename);
  for (const path of owned) await chown(path, uid, gid);
  const person = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return ['setpriv', ...person, '--bounding-set=-dac_override,-dac_read_search', ...command];
}

/** Collects what the process says, until it has ended and said all. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const code = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  try {
    return { code: await code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}
