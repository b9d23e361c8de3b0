/** A full scan from a cold cache, with and without a cgroup that allows 128 MiB, page cache included. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { trees } from './four-trees.ts';
import { type MemoryGroup, memoryGroup } from './memory-group.ts';
import { spread, type Table } from './table.ts';

const limitMib = 128;
const runs = 3;
/** Past this it thrashes. */
const timeoutMs = 120_000;

interface ColdScan {
  /** Of the scan alone, and of the whole process, in ms. */
  readonly scanMs: number;
  readonly wholeMs: number;
  readonly bytes: number;
}

export const bench: Bench = {
  async run({ say }) {
    if (process.getuid?.() !== 0) return [refusal('only root may drop the caches')];
    using group = memoryGroup(limitMib);
    if (!group) return [refusal('no memory controller is mounted where this process may make a group')];
    const free: ColdScan[] = [];
    const limited: ColdScan[] = [];
    for (let run = 1; run <= runs; run++) {
      say(`run ${run} of ${runs}`);
      free.push(coldScan(null));
      limited.push(coldScan(group));
    }
    const [, freeMs] = spread(free.map(({ wholeMs }) => wholeMs));
    const row = (name: string, scans: readonly ColdScan[]) => {
      const [min, median, max] = spread(scans.map(({ wholeMs }) => wholeMs));
      return [name, min, median, max, spread(scans.map(({ scanMs }) => scanMs))[1], median / freeMs];
    };
    return [
      {
        title: `full scan, cold: ${trees.join(' ')}: ${(free[0]!.bytes / 1e6).toFixed(0)} MB, ${runs} runs`,
        columns: ['what', 'min ms', 'median ms', 'max ms', 'scan alone ms', 'times unlimited'],
        rows: [row('unlimited', free), row(`in ${limitMib} MiB`, limited)],
        notes: [
          'The whole process, node started from a cold cache too; the caches are dropped before each run.',
        ],
      },
    ];
  },
};

/** Runs one scan in a process of its own, in `group` if there is one. */
function coldScan(group: MemoryGroup | null): ColdScan {
  spawnSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    '/bin/sh',
    [
      '-c',
      'if [ -n "$1" ]; then echo $$ > "$1"; fi; exec "$2" "$3"',
      'sh',
      group?.membersFile ?? '',
      process.execPath,
      join(import.meta.dirname, 'scan-process.ts'),
    ],
    { encoding: 'utf8', timeout: timeoutMs, killSignal: 'SIGKILL' },
  );
  const wholeMs = performance.now() - start;
  if (status === null) throw new Error(`the scan did not end within ${timeoutMs} ms`);
  if (status !== 0) throw new Error(`the scan failed: ${stderr}`);
  return { ...(JSON.parse(stdout) as { scanMs: number; bytes: number }), wholeMs };
}

function refusal(reason: string): Table {
  return { title: 'full scan, cold', columns: ['not measured'], rows: [[reason]] };
}
