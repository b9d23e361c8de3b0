/** A full scan as a process of its own, then the page cache given back: aide-run.ts runs it in a cgroup. Prints MiB as JSON. */
import { readFileSync } from 'node:fs';
import { cachePlaces } from '@holdfast/agent/core/memory-cgroup';
import { giveBackPageCache } from '@holdfast/agent/io/page-cache';
import { scanOnce } from '@holdfast/agent/observe/scan-once';
import { scanOptions } from './four-trees.ts';

/** Page cache that is charged to our group, by either version of its statistics. */
function cacheMib(): number {
  for (const { directory } of cachePlaces(readFileSync('/proc/self/cgroup', 'latin1'))) {
    try {
      const stat = readFileSync(`${directory}/memory.stat`, 'latin1');
      return Number(/^(?:file|cache) (\d+)$/m.exec(stat)?.[1]) / 2 ** 20;
    } catch {
      // not mounted there
    }
  }
  return Number.NaN;
}

await scanOnce(scanOptions, AbortSignal.timeout(600_000));
const afterScanMib = cacheMib();
const { place } = await giveBackPageCache();
console.log(JSON.stringify({ afterScanMib, givenBackMib: cacheMib(), place }));
