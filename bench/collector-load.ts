/** Load on one collector process, from this process: what the collector benches measure. */
import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { Report, ReportAnswer } from '@holdfast/shared/wire';
import { agentToken } from '../test/harness/process.ts';
import type { SyntheticNode } from '../test/harness/synthetic-fleet.ts';
import { LoadConnection, prepareRequest } from './load-connection.ts';

const compress = promisify(zstdCompress);
const openedAtOnce = 250;
/** USER_HZ, which Linux has fixed at 100 for programs. */
const ticksPerSecond = 100;

type MakeReport = (node: SyntheticNode, round: number) => Report;

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Sorted. */
  readonly latenciesMs: readonly number[];
}

/** Sends one report of each node per round over `inFlight` connections, and expects 200 for each. */
export async function sendRounds(
  url: string,
  nodes: readonly SyntheticNode[],
  rounds: number,
  inFlight: number,
  make: MakeReport,
): Promise<LoadResult> {
  using lanes = await openConnections(url, Math.min(inFlight, nodes.length));
  const latenciesMs: number[] = [];
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    let next = 0;
    const work = async (connection: LoadConnection) => {
      while (next < nodes.length) {
        const node = nodes[next++]!;
        latenciesMs.push(await sendReport(connection, node, await prepareReport(node, make(node, round))));
      }
    };
    await Promise.all(lanes.connections.map(work));
  }
  return {
    requests: latenciesMs.length,
    seconds: (performance.now() - start) / 1000,
    latenciesMs: latenciesMs.sort(ascending),
  };
}

/**
 * Per round one report of each node, all at the same instant, each on a connection of its own. The reports are made
 * before: each node has a processor of its own for that, where here one process plays them all.
 */
export async function sendAllAtOnce(
  url: string,
  nodes: readonly SyntheticNode[],
  rounds: number,
  make: MakeReport,
): Promise<LoadResult> {
  using lanes = await openConnections(url, nodes.length);
  const latenciesMs: number[] = [];
  let seconds = 0;
  for (let round = 0; round < rounds; round++) {
    const requests = await Promise.all(nodes.map((node) => prepareReport(node, make(node, round))));
    const start = performance.now();
    const sending = nodes.map((node, i) => sendReport(lanes.connections[i]!, node, requests[i]!));
    latenciesMs.push(...(await Promise.all(sending)));
    seconds += (performance.now() - start) / 1000;
  }
  return { requests: latenciesMs.length, seconds, latenciesMs: latenciesMs.sort(ascending) };
}

/** As an agent sends it: compressed where that pays. */
export async function prepareReport(node: SyntheticNode, report: Report): Promise<Buffer> {
  const json = Buffer.from(JSON.stringify(report));
  const packed = json.length > 16_384;
  return prepareRequest(
    'POST',
    `/api/v1/nodes/${node.name}/reports`,
    {
      authorization: `Bearer ${agentToken}`,
      'content-type': 'application/json',
      ...(packed && { 'content-encoding': 'zstd' }),
    },
    packed ? await compress(json) : json,
  );
}

/** How many milliseconds the answer took. Throws unless it is 200. */
export async function sendReport(
  connection: LoadConnection,
  node: SyntheticNode,
  request: Buffer,
): Promise<number> {
  const sent = performance.now();
  const { status, body } = await connection.send(request);
  const took = performance.now() - sent;
  if (status !== 200) throw new Error(`${node.name}: status ${status}: ${body.slice(0, 500)}`);
  node.base = (JSON.parse(body) as ReportAnswer).observed;
  return took;
}

/** Opened a few hundred at a time: more than the backlog of the listener would wait for seconds. */
export async function openConnections(url: string, count: number) {
  const connections: LoadConnection[] = [];
  while (connections.length < count) {
    const some = Math.min(openedAtOnce, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: some }, () => LoadConnection.open(url)))));
  }
  return {
    connections,
    [Symbol.dispose]: () => {
      for (const connection of connections) connection[Symbol.dispose]();
    },
  };
}

export const ascending = (a: number, b: number) => a - b;

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

/** User and system time of the process so far. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before may hold spaces
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
