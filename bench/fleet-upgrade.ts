/** A fleet-wide upgrade: every node reports the same changed paths, one call accepts them on all, reports go on meanwhile. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, closeConnections, untilReady } from '../test/harness/api.ts';
import { freePort, startCollectorProcess } from '../test/harness/process.ts';
import { syntheticFleet } from '../test/harness/synthetic-fleet.ts';
import type { Bench } from './bench.ts';
import type { LoadConnection } from './load-connection.ts';
import {
  openConnections,
  prepareReport,
  quantile,
  residentMib,
  sendReport,
  sendRounds,
} from './collector-load.ts';

const shape = { nodes: 1000, entries: 4000, own: 30 } as const;
const changedPaths = 800;

interface View {
  readonly rows: number;
  readonly drift: readonly { readonly row: string; readonly nodes: number; readonly changes: number }[];
}

interface Job {
  readonly job: number;
  readonly endedAt: string | null;
  readonly nodes: { readonly accepted: number };
}

export const bench: Bench = {
  async run({ say }) {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    const dataDir = join(directory, 'data');
    const port = await freePort();
    const fleet = syntheticFleet(shape);
    const collector = startCollectorProcess(dataDir, port);
    const { url } = collector;
    try {
      await untilReady(url);
      say(`first reports of ${shape.nodes} nodes of ${shape.entries} entries`);
      await sendRounds(url, fleet, 1, 4, (node) => node.first());
      const bytesBefore = await databaseBytes(url);
      say(`${changedPaths} changed paths of each`);
      const upgrade = await sendRounds(url, fleet, 1, 8, (node) =>
        node.difference(Array.from({ length: changedPaths }, (_, i) => node.change(1000 + i, 'upgrade'))),
      );
      const growthKib = ((await databaseBytes(url)) - bytesBefore) / 1024 / shape.nodes;
      say('the fleet view');
      const viewStart = performance.now();
      const view = (await call<View>(url, '/api/v1/drift')).body;
      const viewMs = performance.now() - viewStart;
      const [row] = view.drift;
      if (view.rows !== 1 || row?.nodes !== shape.nodes || row.changes !== changedPaths)
        throw new Error(`not one row of all nodes: ${JSON.stringify(view).slice(0, 300)}`);
      say('acceptance, with heartbeats meanwhile');
      await loopHeldMs(url);
      const { seconds, latenciesMs } = await acceptAll(url, row.row, fleet);
      const heldMs = await loopHeldMs(url);
      const { rss } = await residentMib(collector.pid);
      return [
        {
          title: `The same ${changedPaths} changes on ${shape.nodes} nodes; load from another process`,
          columns: ['what', 'measured', 'to reach'],
          rows: [
            ['reports of the upgrade, s', upgrade.seconds, '≤ 60'],
            ['database growth, KiB a node', growthKib, ''],
            ['rows of the fleet view', view.rows, '1'],
            ['fleet view, ms', viewMs, ''],
            ['accepted on all nodes by one call, s', seconds, '≤ 15'],
            ['  event loop, and so the write lock, held at most, ms', heldMs, '≤ 100'],
            ['  heartbeats answered meanwhile', latenciesMs.length, ''],
            ['  p50 ms', quantile(latenciesMs, 0.5), ''],
            ['  p99 ms', quantile(latenciesMs, 0.99), '≤ 250'],
            ['  longest ms', latenciesMs.at(-1) ?? 0, ''],
            ['collector RSS, MiB', rss, ''],
          ],
        },
      ];
    } finally {
      await collector[Symbol.asyncDispose]();
      closeConnections();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

/** The longest since this was asked before, by the collector's own clock. A transaction lasts no longer: the database is used on the event loop. */
async function loopHeldMs(url: string): Promise<number> {
  return (await metric(url, 'nodejs_eventloop_lag_max_seconds')) * 1000;
}

function databaseBytes(url: string): Promise<number> {
  return metric(url, 'holdfast_database_bytes');
}

async function metric(url: string, name: string): Promise<number> {
  const { text } = await call(url, '/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** Twenty heartbeats at a time, a little apart, until the job has ended. */
async function acceptAll(url: string, row: string, fleet: ReturnType<typeof syntheticFleet>) {
  const start = performance.now();
  const { body } = await call<Job>(url, '/api/v1/drift/accept', { method: 'POST', body: { row } });
  const latenciesMs: number[] = [];
  const ended = new AbortController();
  using lanes = await openConnections(url, 20);
  const beat = async (connection: LoadConnection, lane: number) => {
    for (let i = lane; !ended.signal.aborted; i += lanes.connections.length) {
      const node = fleet[i % fleet.length]!;
      latenciesMs.push(await sendReport(connection, node, await prepareReport(node, node.heartbeat())));
      await sleep(100);
    }
  };
  const beats = lanes.connections.map(beat);
  let job = body;
  while (job.endedAt === null) {
    await sleep(100);
    job = (await call<Job>(url, `/api/v1/jobs/${body.job}?limit=1`)).body;
  }
  const seconds = (performance.now() - start) / 1000;
  ended.abort();
  await Promise.all(beats);
  if (job.nodes.accepted !== fleet.length) throw new Error(`accepted on ${job.nodes.accepted} nodes only`);
  return { seconds, latenciesMs: latenciesMs.sort((a, b) => a - b) };
}
