/** From write() on a watched file to the series on /metrics: a real agent and a real collector, default settle time. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, closeConnections } from '../test/harness/api.ts';
import { Site } from '../test/harness/site.ts';
import type { Bench } from './bench.ts';
import { quantile } from './collector-load.ts';

const samples = 200;
const pollMs = 5;
const sampleTimeoutMs = 20_000;

export const bench: Bench = {
  async run() {
    const latencies = await measureLatency();
    const milliseconds = [0.5, 0.9, 0.99, 1].map((q) => quantile(latencies, q));
    return [
      {
        title: `From write() on a watched file to its series on /metrics, ${samples} samples, settle time 250 ms`,
        columns: ['p50 ms', 'p90 ms', 'p99 ms', 'max ms'],
        rows: [milliseconds],
        notes: [`/metrics is asked every ${pollMs} ms. To reach: p50 ≤ 400 ms, p99 ≤ 1000 ms.`],
      },
    ];
  },
};

/** Milliseconds, sorted. Each sample writes a file that has no drift yet. */
async function measureLatency(): Promise<number[]> {
  await using site = await Site.create({
    collector: { HOLDFAST_METRICS_PATHS_PER_NODE: String(samples) },
  });
  const files = Array.from({ length: samples }, (_, i) => join(site.tree, `dir-${i % 20}`, `file-${i}`));
  for (let i = 0; i < 20; i++) await mkdir(join(site.tree, `dir-${i}`));
  for (const file of files) await writeFile(file, 'before\n');
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  await sleep(1000);

  const latencies: number[] = [];
  for (const file of files) {
    await sleep(Math.random() * 100); // not in step with any timer of the programs
    const start = performance.now();
    await writeFile(file, 'after\n');
    while (!(await hasSeries(site.url, file))) {
      if (performance.now() - start > sampleTimeoutMs)
        throw new Error(`no series for ${file} in ${sampleTimeoutMs} ms`);
      await sleep(pollMs);
    }
    latencies.push(performance.now() - start);
  }
  closeConnections();
  return latencies.sort((a, b) => a - b);
}

async function hasSeries(url: string, path: string): Promise<boolean> {
  return (await call(url, '/metrics')).text.includes(`path="${path}"`);
}
