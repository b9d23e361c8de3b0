/** Load on one collector process, from this process: what the collector benches measure. */
import { readFile } from 'node:fs/promises';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { Report, ReportAnswer } from '@holdfast/shared/wire';
import { call } from '../test/harness/api.ts';
import { agentToken } from '../test/harness/process.ts';
import type { SyntheticNode } from '../test/harness/synthetic-fleet.ts';

const compress = promisify(zstdCompress);

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Sorted. */
  readonly latenciesMs: readonly number[];
}

/** Sends one report of each node per round, at most `inFlight` at a time, and expects 200 for each. */
export async function sendRounds(
  url: string,
  nodes: readonly SyntheticNode[],
  rounds: number,
  inFlight: number,
  make: (node: SyntheticNode, round: number) => Report,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    let next = 0;
    const lane = async () => {
      while (next < nodes.length) {
        const node = nodes[next++]!;
        const sent = performance.now();
        await sendReport(url, node, make(node, round));
        latenciesMs.push(performance.now() - sent);
      }
    };
    await Promise.all(Array.from({ length: Math.min(inFlight, nodes.length) }, lane));
  }
  const seconds = (performance.now() - start) / 1000;
  return { requests: latenciesMs.length, seconds, latenciesMs: latenciesMs.sort((a, b) => a - b) };
}

/** As an agent sends it: compressed where that pays. */
export async function sendReport(url: string, node: SyntheticNode, report: Report): Promise<void> {
  const json = Buffer.from(JSON.stringify(report));
  const packed = json.length > 16_384;
  const reply = await call<ReportAnswer>(url, `/api/v1/nodes/${node.name}/reports`, {
    method: 'POST',
    token: agentToken,
    body: packed ? await compress(json) : json,
    headers: packed ? { 'content-encoding': 'zstd' } : {},
    timeoutMs: 120_000,
  });
  if (reply.status !== 200)
    throw new Error(`${node.name}: status ${reply.status}: ${reply.text.slice(0, 500)}`);
  node.base = reply.body.observed;
}

export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** Resident memory of a process, in MiB: all of it, and what is not backed by files. */
export async function residentMib(pid: number): Promise<{ rss: number; anonymous: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  return { rss: field('VmRSS'), anonymous: field('RssAnon') };
}

export function directoryBytes(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}
