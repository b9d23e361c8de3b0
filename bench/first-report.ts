/** The first report of a large node: encoded, sent, stored durably, answered. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeConnections, untilReady } from '../test/harness/api.ts';
import { freePort, startCollectorProcess } from '../test/harness/process.ts';
import { syntheticFleet } from '../test/harness/synthetic-fleet.ts';
import type { Bench } from './bench.ts';
import { prepareReport, sendReport } from './collector-load.ts';
import { LoadConnection } from './load-connection.ts';
import { spread } from './table.ts';

const shape = { nodes: 7, entries: 40_000, own: 40_000 } as const;

export const bench: Bench = {
  async run() {
    const [first, ...others] = await measureFirstReports();
    return [
      {
        title: `First report of a node of ${shape.entries} entries, none of which the collector has seen`,
        columns: ['collector', 'min s', 'median s', 'max s'],
        rows: [
          ['just started', ...spread([first!])],
          [`warm, ${others.length} more nodes`, ...spread(others)],
        ],
        notes: ['To reach: 1.5 s.'],
      },
    ];
  },
};

/** Seconds from having a report in memory (its JSON is yet to be made and packed) to its answer, for a node of 40,000 entries; one node after the other. */
async function measureFirstReports(): Promise<number[]> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const collector = startCollectorProcess(join(directory, 'data'), await freePort());
  try {
    await untilReady(collector.url);
    using connection = await LoadConnection.open(collector.url);
    const seconds: number[] = [];
    for (const node of syntheticFleet(shape)) {
      const report = node.first();
      const start = performance.now();
      await sendReport(connection, node, await prepareReport(node, report));
      seconds.push((performance.now() - start) / 1000);
    }
    return seconds;
  } finally {
    closeConnections();
    await collector[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
}
