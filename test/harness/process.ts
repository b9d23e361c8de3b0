/** The two programs as real processes, on ports and in directories of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { collectorNodeFlags } from '@holdfast/collector/runtime';
import { placesInSources } from './places-in-sources.ts';

export const projectRoot = join(import.meta.dirname, '..', '..');

export const operatorToken = `hf_operator_${'o'.repeat(43)}`;
export const agentToken = `hf_agent_${'a'.repeat(43)}`;

export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** What it has printed so far, both streams. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves to the exit code, or the signal's name. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Without arguments of the program. */
export interface Programs {
  readonly agent: readonly [command: string, ...args: string[]];
  readonly collector: readonly [command: string, ...args: string[]];
  /** What they see of the environment besides their own variables. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Bundles of the sources (scripts/bundle-for-tests.ts); without them, when Node runs a test file, the sources. */
const bundles = process.env['TEST_BUNDLES'];

export const agentCommand = commandOf('agent', []);
export const collectorCommand = commandOf('collector', collectorNodeFlags);

const fromSources: Programs = {
  agent: agentCommand,
  collector: collectorCommand,
  environment: withoutHoldfast(process.env),
};

/** Runs Node. */
export function startProcess(argv: readonly string[], env: NodeJS.ProcessEnv): RunningProgram {
  return startCommand([process.execPath, ...argv], { ...fromSources.environment, ...env });
}

/** Runs a command of the collector, as `token create`. */
export function startCollectorCommand(args: readonly string[], env: NodeJS.ProcessEnv): RunningProgram {
  return startCommand([...collectorCommand, ...args], { ...fromSources.environment, ...env });
}

export function startCommand(
  [command, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): RunningProgram {
  const child: ChildProcess = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-1_000_000));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? code ?? 1));
  });
  return {
    pid: child.pid ?? 0,
    output: () => placesInSources(output),
    kill: (signal) => void child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface CollectorProcess extends RunningProgram {
  readonly url: string;
}

/** Starts `serve` and does not wait. Use {@link untilReady}. */
export function startCollectorProcess(
  dataDir: string,
  port: number,
  env: NodeJS.ProcessEnv = {},
  programs = fromSources,
): CollectorProcess {
  const program = startCommand([...programs.collector, 'serve'], {
    ...programs.environment,
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_LISTEN: `127.0.0.1:${port}`,
    HOLDFAST_OPERATOR_TOKEN: operatorToken,
    HOLDFAST_AGENT_TOKEN: agentToken,
    ...env,
  });
  return Object.assign(program, { url: `http://127.0.0.1:${port}` });
}

export interface AgentSettings {
  readonly collectorUrl: string;
  readonly stateDir: string;
  readonly scopeFile: string;
  readonly node: string;
  readonly env?: NodeJS.ProcessEnv;
}

export async function startAgentProcess(
  settings: AgentSettings,
  programs = fromSources,
): Promise<RunningProgram> {
  return startCommand([...programs.agent, 'run'], {
    ...programs.environment,
    HOLDFAST_COLLECTOR_URL: settings.collectorUrl,
    HOLDFAST_TOKEN: agentToken,
    HOLDFAST_STATE_DIR: settings.stateDir,
    HOLDFAST_SCOPE_FILE: settings.scopeFile,
    HOLDFAST_NODE_NAME: settings.node,
    HOLDFAST_START_SPLAY_SECONDS: '0',
    HOLDFAST_LISTEN: `127.0.0.1:${await freePort()}`,
    ...settings.env,
  });
}

/** A port of the loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function commandOf(program: 'agent' | 'collector', flags: readonly string[]): [string, ...string[]] {
  return bundles === undefined
    ? [process.execPath, ...flags, join(projectRoot, `packages/${program}/src/main.ts`)]
    : [process.execPath, ...flags, join(bundles, `${program}.cjs`)];
}

function withoutHoldfast(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HOLDFAST_')));
}
