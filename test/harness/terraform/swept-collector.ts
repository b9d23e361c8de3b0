/** A real collector that sweeps, as a process, and the command by hand. Directories go when the test file has ended. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { call, closeConnections, untilReady } from '../api.ts';
import { type CollectorProcess, freePort, startCollectorCommand, startCollectorProcess } from '../process.ts';
import { waitFor } from '../wait.ts';
import type { StackTree } from './stack-tree.ts';

const directories: string[] = [];
after(() => {
  closeConnections();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-sweeping-'));
  directories.push(directory);
  return directory;
}

/** What makes a collector sweep the tree, when it is asked to. */
export function sweepOf(tree: StackTree): NodeJS.ProcessEnv {
  return {
    HOLDFAST_SWEEP_PATH: tree.root,
    HOLDFAST_SWEEP_MARKER: 'main.tf',
    HOLDFAST_SWEEP_COMMAND: 'terraform plan',
    HOLDFAST_SWEEP_SCHEDULE: 'off',
  };
}

export async function collectorFor(dataDir: string, env: NodeJS.ProcessEnv): Promise<CollectorProcess> {
  const collector = startCollectorProcess(dataDir, await freePort(), env);
  try {
    await untilReady(collector.url);
    return collector;
  } catch (error) {
    await collector[Symbol.asyncDispose](); // or the test's own process never ends
    throw error;
  }
}

export interface Sweep {
  readonly id: string;
  readonly state: string;
  readonly discovered: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly endedBy: string | null;
  readonly failure: { readonly phase: string; readonly diagnostic: string } | null;
}

export function untilEnded(url: string, id: string): Promise<Sweep> {
  return waitFor('the sweep to end', async () => {
    const { body } = await call<Sweep>(url, `/api/v1/sweeps/${id}`);
    return body.state === 'running' ? undefined : body;
  });
}

export async function outcomes(url: string): Promise<Record<string, string>> {
  const { body } = await call<{ stacks: { stack: string; outcome: string }[] }>(url, '/api/v1/stacks');
  return Object.fromEntries(body.stacks.map(({ stack, outcome }) => [stack, outcome]));
}

/** What others are told, by path. */
export async function listener() {
  const bodies: { path: string; method: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push({ path: request.url ?? '', method: request.method ?? '', body });
      response.end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { bodies, url, [Symbol.dispose]: () => void server.close() };
}

/** Processes whose working directory is there. */
export function workingBelow(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
    } catch {
      return false;
    }
  });
}

/** `holdfast-collector sweep`, to its end. */
export async function sweepByHand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ exit: number | NodeJS.Signals; output: string }> {
  const program = startCollectorCommand(['sweep', ...args], { HOLDFAST_LOG_LEVEL: 'silent', ...env });
  const exit = await program.ended;
  return { exit, output: program.output() };
}
