/**
 * A full scan in the resident process, against how fast openssl can hash on as many cores, and against `aide --check`
 * of the same trees with the same attributes. All take turns in one run, on a warm cache, so that a busy or slow
 * moment of the machine strikes them alike. The files are held in memory where vmtouch(8) is: some kernels page out at once
 * whatever nobody has mapped.
 */
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Scanner } from '@holdfast/agent/observe/scanner';
import { holdFiles } from '../scripts/hold-programs.ts';
import { AideCheck, workerCounts } from './aide-check.ts';
import type { Bench } from './bench.ts';
import { scanOptions, trees } from './four-trees.ts';
import { opensslMegabytesPerSecond } from './openssl-speed.ts';
import { spread, type Table } from './table.ts';

const rounds = 5;
const scansPerRound = 3;
/** For what the holder has to read. */
const readingMs = 3000;

export const bench: Bench = {
  async run({ say }) {
    await using scanner = new Scanner(scanOptions);
    await using aide = await AideCheck.create(trees);
    await using held = new AsyncDisposableStack();
    say(`warming the cache with ${trees.join(' ')}`);
    const { bytes, entries, hashed } = await scanner.fullScan();
    const files = [...scanner.tree.manifest.entries()].filter(({ type }) => type === 'file');
    held.defer(holdFiles(files.map(({ path }) => path)));
    await sleep(readingMs);

    const openssl: number[] = [];
    const scans: number[] = [];
    const checks = new Map(workerCounts.map((count) => [count, [] as number[]]));
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      openssl.push(opensslMegabytesPerSecond());
      await scanner.fullScan(); // the workers have ended meanwhile; this one starts them again
      for (let i = 0; i < scansPerRound; i++) scans.push((await scanner.fullScan()).durationMs);
      for (const [count, times] of checks) times.push(aide.checkMs(count));
    }
    return [
      scanTable(
        { bytes, openssl, scans, checks: aide.isHere ? checks : new Map() },
        `${entries} entries, ${hashed} files`,
      ),
      await eventLoopTable(scanner),
    ];
  },
};

async function eventLoopTable(scanner: Scanner): Promise<Table> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let i = 0; i < rounds; i++) await scanner.fullScan();
  delay.disable();
  return {
    title: `event loop during ${rounds} full scans`,
    columns: ['what', 'ms'],
    rows: [
      ['longest delay', delay.max / 1e6],
      ['99th percentile', delay.percentile(99) / 1e6],
    ],
  };
}

interface Measured {
  readonly bytes: number;
  /** Million bytes a second. */
  readonly openssl: readonly number[];
  readonly scans: readonly number[];
  readonly checks: ReadonlyMap<number, readonly number[]>;
}

function scanTable({ bytes, openssl, scans, checks }: Measured, what: string): Table {
  const [slowest, hashSpeed, fastest] = spread(openssl);
  const [, scanMs] = spread(scans);
  const speed = (ms: number) => bytes / 1e3 / ms;
  const row = (name: string, times: readonly number[]) => {
    const [min, median, max] = spread(times);
    return [name, min, median, max, speed(median), speed(median) / hashSpeed, median / scanMs];
  };
  const opensslMs = (megabytesPerSecond: number) => bytes / 1e3 / megabytesPerSecond;
  return {
    title: `full scan, warm: ${trees.join(' ')}: ${what}, ${(bytes / 1e6).toFixed(0)} MB`,
    columns: ['what', 'min ms', 'median ms', 'max ms', 'MB/s', 'of openssl', 'times ours'],
    rows: [
      [
        `openssl speed -multi ${availableParallelism()}, 16 KiB`,
        ...[fastest, hashSpeed, slowest].map(opensslMs),
        hashSpeed,
        1,
        opensslMs(hashSpeed) / scanMs,
      ],
      row('holdfast, resident process', scans),
      ...[...checks].map(([count, times]) => row(`aide --check, num_workers=${count}`, times)),
    ],
    notes: [
      'openssl hashes one buffer over and over; its time is what that speed would need for these bytes.',
      ...(checks.size === 0 ? ['aide is not here: apt-get install -y aide'] : []),
    ],
  };
}
