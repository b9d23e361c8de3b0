/** 1,000 nodes that share an image, on one collector: the size of its database, heartbeats, and changed reports. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeConnections, untilReady } from '../test/harness/api.ts';
import { freePort, startCollectorProcess } from '../test/harness/process.ts';
import { compileShim } from '../test/harness/shim.ts';
import { type SyntheticNode, syntheticFleet } from '../test/harness/synthetic-fleet.ts';
import type { Bench } from './bench.ts';
import { directoryBytes, type LoadResult, quantile, residentMib, sendRounds } from './collector-load.ts';

const shape = { nodes: 1000, entries: 4000, own: 30 } as const;
const inFlight = 256;

export const bench: Bench = {
  async run({ say }) {
    const figures = await measureFleet(say);
    return [
      {
        title: `One collector, ${shape.nodes} nodes of ${shape.entries} entries that share all but ${shape.own}; load from another process`,
        columns: ['reports', 'in flight', 'sent', 'per second', 'p50 ms', 'p99 ms'],
        rows: [
          loadRow('first', 4, figures.firstReports),
          loadRow('heartbeat', inFlight, figures.heartbeats),
          loadRow('heartbeat, all at once', shape.nodes, figures.heartbeatsAllAtOnce),
          loadRow('one changed entry', 64, figures.changed),
          loadRow('one changed entry, fsync + 20 ms', 64, figures.changedSlowFsync),
        ],
        notes: ['Every answer is durable. To reach: 2000 heartbeats/s, 300 changed reports/s, p99 ≤ 250 ms.'],
      },
      {
        title: 'What that costs',
        columns: ['what', 'measured', 'to reach'],
        rows: [
          ['database, KiB a node', figures.databaseKibPerNode, '≤ 64'],
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
  readonly databaseKibPerNode: number;
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
    await untilReady(collector.url, 30_000);
    say(`first reports of ${shape.nodes} nodes of ${shape.entries} entries`);
    const firstReports = await sendRounds(collector.url, fleet, 1, 4, (node) => node.first());
    collector.kill('SIGTERM');
    await collector.ended;
    const databaseKibPerNode = directoryBytes(dataDir) / 1024 / shape.nodes;

    collector = startCollectorProcess(dataDir, port);
    await untilReady(collector.url, 30_000);
    say('heartbeats');
    await sendRounds(collector.url, fleet, 2, inFlight, heartbeat);
    const heartbeats = await sendRounds(collector.url, fleet, 10, inFlight, heartbeat);
    const heartbeatsAllAtOnce = await sendRounds(collector.url, fleet, 10, shape.nodes, heartbeat);
    say('one changed entry of each node');
    const changed = await sendRounds(collector.url, fleet, 3, 64, change('changed'));
    const rssMib = (await residentMib(collector.pid)).rss;
    collector.kill('SIGTERM');
    await collector.ended;

    say('one changed entry of each node, with 20 ms more for each fsync');
    using shim = compileShim();
    collector = startCollectorProcess(dataDir, port, { LD_PRELOAD: shim.path, FAULT_FSYNC_MS: '20' });
    await untilReady(collector.url, 30_000);
    const changedSlowFsync = await sendRounds(collector.url, fleet, 1, 64, change('slow'));
    await collector[Symbol.asyncDispose]();
    return {
      firstReports,
      heartbeats,
      heartbeatsAllAtOnce,
      changed,
      changedSlowFsync,
      rssMib,
      databaseKibPerNode,
    };
  } finally {
    closeConnections();
    await rm(directory, { recursive: true, force: true });
  }
}

function loadRow(name: string, concurrency: number, load: LoadResult): (string | number)[] {
  return [
    name,
    concurrency,
    load.requests,
    load.requests / load.seconds,
    quantile(load.latenciesMs, 0.5),
    quantile(load.latenciesMs, 0.99),
  ];
}
