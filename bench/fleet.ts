/** 1,000 nodes that share an image, on one collector: the size of its database, heartbeats, and changed reports. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeConnections, untilReady } from '../test/harness/api.ts';
import { freePort, startCollectorProcess } from '../test/harness/process.ts';
import { compileShim } from '../test/harness/shim.ts';
import { type SyntheticNode, syntheticFleet } from '../test/harness/synthetic-fleet.ts';
import type { Bench } from './bench.ts';
import { type LoadResult, quantile, residentMib, sendAllAtOnce, sendRounds } from './collector-load.ts';
import { type DatabaseSize, databaseSize } from './database-size.ts';

const shape = { nodes: 1000, entries: 4000, own: 30 } as const;
const inFlight = 256;
const changing = 64;
const heartbeatReach = '2000/s, p99 250';
const changedReach = '300/s, p99 250';

export const bench: Bench = {
  async run({ say }) {
    const figures = await measureFleet(say);
    return [
      {
        title: `One collector, ${shape.nodes} nodes of ${shape.entries} entries that share all but ${shape.own}; load from another process`,
        columns: ['reports', 'in flight', 'sent', 'per second', 'p50 ms', 'p99 ms', 'to reach'],
        rows: [
          loadRow('first', 4, figures.firstReports, ''),
          loadRow('heartbeat', inFlight, figures.heartbeats, heartbeatReach),
          loadRow('heartbeat, all at once', shape.nodes, figures.heartbeatsAllAtOnce, heartbeatReach),
          loadRow('one changed entry', changing, figures.changed, changedReach),
          loadRow('one changed entry, fsync + 20 ms', changing, figures.changedSlowFsync, changedReach),
        ],
        notes: ['Every answer is durable, and each that was sent got 200.'],
      },
      {
        title: 'What that costs',
        columns: ['what', 'measured', 'to reach'],
        rows: [
          ['database, KiB a node', kibANode(figures.size.bytes), '≤ 64'],
          ['  apart: history, KiB a node', kibANode(figures.size.historyBytes), ''],
          ['collector RSS, MiB', figures.rssMib, '≤ 400'],
        ],
      },
    ];
  },
};

interface FleetFigures {
  readonly firstReports: LoadResult;
  readonly heartbeats: LoadResult;
  readonly heartbeatsAllAtOnce: LoadResult;
  readonly changed: LoadResult;
  readonly changedSlowFsync: LoadResult;
  readonly rssMib: number;
  readonly size: DatabaseSize;
}

async function measureFleet(say: (line: string) => void): Promise<FleetFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const dataDir = join(directory, 'data');
  const fleet = syntheticFleet(shape);
  const port = await freePort();
  const heartbeat = (node: SyntheticNode) => node.heartbeat();
  const change = (label: string) => (node: SyntheticNode, round: number) =>
    node.difference([node.change(round, `${label} ${round}`)]);
  try {
    let collector = startCollectorProcess(dataDir, port);
    await untilReady(collector.url);
    say(`first reports of ${shape.nodes} nodes of ${shape.entries} entries`);
    const firstReports = await sendRounds(collector.url, fleet, 1, 4, (node) => node.first());
    collector.kill('SIGTERM');
    await collector.ended;
    const size = databaseSize(dataDir);

    collector = startCollectorProcess(dataDir, port);
    await untilReady(collector.url);
    say('heartbeats');
    await sendRounds(collector.url, fleet, 2, inFlight, heartbeat);
    const heartbeats = await sendRounds(collector.url, fleet, 10, inFlight, heartbeat);
    const heartbeatsAllAtOnce = await sendAllAtOnce(collector.url, fleet, 20, heartbeat);
    say('one changed entry of each node');
    const changed = await sendRounds(collector.url, fleet, 3, changing, change('changed'));
    const rssMib = (await residentMib(collector.pid)).rss;
    collector.kill('SIGTERM');
    await collector.ended;

    say('one changed entry of each node, with 20 ms more for each fsync');
    using shim = compileShim();
    collector = startCollectorProcess(dataDir, port, { LD_PRELOAD: shim.path, FAULT_FSYNC_MS: '20' });
    await untilReady(collector.url);
    const changedSlowFsync = await sendRounds(collector.url, fleet, 3, changing, change('slow'));
    await collector[Symbol.asyncDispose]();
    return {
      firstReports,
      heartbeats,
      heartbeatsAllAtOnce,
      changed,
      changedSlowFsync,
      rssMib,
      size,
    };
  } finally {
    closeConnections();
    await rm(directory, { recursive: true, force: true });
  }
}

function loadRow(name: string, concurrency: number, load: LoadResult, reach: string): (string | number)[] {
  return [
    name,
    concurrency,
    load.requests,
    load.requests / load.seconds,
    quantile(load.latenciesMs, 0.5),
    quantile(load.latenciesMs, 0.99),
    reach,
  ];
}

function kibANode(bytes: number): number {
  return bytes / 1024 / shape.nodes;
}
