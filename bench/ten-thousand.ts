/** 10,000 nodes on one collector: heartbeats at the pace of a real fleet, /metrics with 20,000 drifts, a restart. */
import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aideSpecLine, lineOfFile, plainFile } from '@holdfast/collector/store/test-aide';
import { aideDatabaseText } from '@holdfast/shared/aide-database';
import { call, closeConnections, untilReady } from '../test/harness/api.ts';
import { agentToken, freePort, startCollectorProcess } from '../test/harness/process.ts';
import { type SyntheticNode, syntheticFleet } from '../test/harness/synthetic-fleet.ts';
import type { Bench } from './bench.ts';
import { processorSeconds, quantile, sendRounds } from './collector-load.ts';
import { databaseSize } from './database-size.ts';
import { measurePace } from './paced-load.ts';

const nodes = 10_000;
/** What a heartbeat costs does not depend on the entries; sending them first takes long. */
const entries = { short: 300, long: 4000 } as const;
const own = 30;
const paceSeconds = { short: 60, long: 300 } as const;
const scrapes = 5;
/** As many as show what one costs; a fleet's would only take time. */
const nodesWithAide = 100;

export const bench: Bench = {
  async run({ long, say }) {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    const fleet = syntheticFleet({ nodes, entries: long ? entries.long : entries.short, own });
    const port = await freePort();
    try {
      const first = startCollectorProcess(directory, port);
      await untilReady(first.url);
      say(`first reports of ${nodes} nodes`);
      await sendRounds(first.url, fleet, 1, 8, (node) => node.first());
      say('two drifts on each');
      await sendRounds(first.url, fleet, 1, 64, (node) =>
        node.difference([node.change(0, 'drifted'), node.change(1, 'drifted')]),
      );
      say(`a database of AIDE from ${nodesWithAide} of them`);
      for (const node of fleet.slice(0, nodesWithAide))
        await bringAideDatabase(first.url, node, entries.long);
      const metrics = await measureScrapes(first.url, first.pid);
      first.kill('SIGTERM');
      await first.ended;
      const size = databaseSize(directory);

      say('a restart');
      const startedAt = performance.now();
      await using second = startCollectorProcess(directory, port);
      await untilReady(second.url);
      const restartSeconds = (performance.now() - startedAt) / 1000;
      const restartCpu = processorSeconds(second.pid);
      const seconds = long ? paceSeconds.long : paceSeconds.short;
      say(`one heartbeat a minute each, for ${seconds} s`);
      const paced = await measurePace(second.url, second.pid, fleet, seconds);
      second.kill('SIGTERM');
      await second.ended;
      const sizeAfter = databaseSize(directory);
      const kib = (bytes: number, among = nodes) => bytes / 1024 / among;
      return [
        {
          title: `One collector, ${nodes} nodes; load from another process`,
          columns: ['what', 'measured', 'to reach'],
          rows: [
            ['/metrics with 2 drifts a node, bytes', metrics.bytes, ''],
            [`/metrics, slowest of ${scrapes}, s`, metrics.slowestSeconds, '≤ 2'],
            ['/metrics, processor s each', metrics.cpuSeconds, ''],
            ['event loop held by that, at most, ms', metrics.heldMs, '≤ 100'],
            ['restart until ready, s', restartSeconds, '≤ 5'],
            ['restart until ready, processor s', restartCpu, ''],
            [`reports in ${seconds} s, 1 % with a change`, paced.latenciesMs.length, ''],
            ['  long polls open meanwhile', paced.longPolls, ''],
            ['  p50, ms', quantile(paced.latenciesMs, 0.5), ''],
            ['  p99, ms', quantile(paced.latenciesMs, 0.99), '≤ 100'],
            ['  other answers than 200', 0, '0'],
            ['  processor, cores', paced.cores, '≤ 1'],
            ['  RSS, MiB', paced.rssMib, '≤ 600'],
            ['database, KiB a node', kib(size.bytes), '≤ 64'],
            ['  apart: history, KiB a node', kib(sizeAfter.historyBytes), ''],
            [`  apart: AIDE, of ${entries.long} entries, KiB each`, kib(size.aideBytes, nodesWithAide), ''],
          ],
          notes: [
            'Any other answer than 200 (204 to a long poll) ends the bench. Each node has a connection of its own for both.',
            ...(long ? [] : ['The requirement is over 300 s and 4,000 entries: --long.']),
          ],
        },
      ];
    } finally {
      closeConnections();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function measureScrapes(url: string, pid: number) {
  let slowestSeconds = 0;
  let heldMs = 0;
  let bytes = 0;
  const cpuBefore = processorSeconds(pid);
  for (let i = 0; i < scrapes; i++) {
    const sent = performance.now();
    const { text } = await call(url, '/metrics');
    slowestSeconds = Math.max(slowestSeconds, (performance.now() - sent) / 1000);
    bytes = text.length;
    // By the collector's own clock, and since the scrape before: this process is busy with the answer itself.
    const held = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
    if (i > 0) heldMs = Math.max(heldMs, held);
    await sleep(200);
  }
  return { slowestSeconds, heldMs, bytes, cpuSeconds: (processorSeconds(pid) - cpuBefore) / scrapes };
}

async function bringAideDatabase(url: string, { name }: SyntheticNode, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) =>
    lineOfFile(`/usr/bin/program-${i}`, { ...plainFile, content: `${name} ${i}` }),
  );
  const body = aideDatabaseText(aideSpecLine, lines);
  const { status } = await call(url, `/api/v1/nodes/${name}/aide/databases/${hash('sha256', body)}`, {
    method: 'PUT',
    token: agentToken,
    headers: { 'content-type': 'text/plain' },
    body,
  });
  if (status !== 204) throw new Error(`${name}: its AIDE database got ${status}`);
}
