/** A fleet at the pace of a real one: one report a minute of each node, and a long poll of each that stays open. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentToken } from '../test/harness/process.ts';
import type { SyntheticNode } from '../test/harness/synthetic-fleet.ts';
import { ascending, prepareReport, processorSeconds, residentMib, sendReport } from './collector-load.ts';
import { LoadConnection, prepareRequest } from './load-connection.ts';

/** One report in so many brings a change. */
const reportsPerChange = 100;
/** Of descriptors, for what either process has open besides. */
const spareDescriptors = 500;

export interface PacedLoad {
  /** Sorted, of reports. */
  readonly latenciesMs: readonly number[];
  readonly longPolls: number;
  readonly cores: number;
  readonly rssMib: number;
}

/** Throws if a report or a poll is answered by anything but what it asks for. */
export async function measurePace(
  url: string,
  pid: number,
  fleet: readonly SyntheticNode[],
  seconds: number,
): Promise<PacedLoad> {
  using opened = new DisposableStack();
  const failed = Promise.withResolvers<never>();
  const longPolls = Math.min(fleet.length, descriptorLimit() - fleet.length - spareDescriptors);
  for (const node of fleet.slice(0, longPolls)) {
    const connection = opened.use(await LoadConnection.open(url));
    pollForever(connection, node).catch(failed.reject);
  }
  // Opened at the first report: a connection that says nothing is closed.
  const reporting = new Map<SyntheticNode, LoadConnection>();
  const latenciesMs: number[] = [];
  const sending: Promise<unknown>[] = [];
  const send = async (i: number) => {
    const node = fleet[i % fleet.length]!;
    const isChange = i % reportsPerChange === 0;
    const report = isChange ? node.difference([node.change(2, `change ${i}`)]) : node.heartbeat();
    const request = await prepareReport(node, report);
    const connection = reporting.get(node) ?? opened.use(await LoadConnection.open(url));
    reporting.set(node, connection);
    latenciesMs.push(await sendReport(connection, node, request));
  };
  const total = Math.floor((fleet.length * seconds) / 60);
  const start = performance.now();
  const cpuBefore = processorSeconds(pid);
  for (let i = 0; i < total; i++) {
    const early = (i / total) * seconds * 1000 - (performance.now() - start);
    if (early > 1) await sleep(early);
    sending.push(send(i).catch(failed.reject));
  }
  await Promise.race([Promise.all(sending), failed.promise]);
  const cores = (processorSeconds(pid) - cpuBefore) / ((performance.now() - start) / 1000);
  const rssMib = (await residentMib(pid)).rss;
  return { latenciesMs: latenciesMs.sort(ascending), longPolls, cores, rssMib };
}

/** As an agent does: asks again as soon as it is answered. Rejects when the connection is closed. */
async function pollForever(connection: LoadConnection, node: SyntheticNode): Promise<never> {
  const request = prepareRequest('GET', `/api/v1/nodes/${node.name}/commands`, {
    authorization: `Bearer ${agentToken}`,
  });
  for (;;) {
    const { status } = await connection.send(request);
    if (status !== 204) throw new Error(`${node.name}: a long poll got ${status}`);
  }
}

function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
}
