/**
 * What an agent costs when nothing happens: memory that is its own (RssAnon; the rest of its RSS is page cache that
 * it shares) after a full scan of the default scope, and processor time with its sweeps and heartbeats going on.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultScopeYaml } from '@holdfast/shared/default-scope';
import { closeConnections } from '../test/harness/api.ts';
import { Site } from '../test/harness/site.ts';
import type { Bench } from './bench.ts';

/** The hash workers end after some seconds without work, and the collector of garbage takes its time. */
const settleSeconds = 20;
const idleSeconds = { short: 60, long: 300 } as const;
/** USER_HZ, which Linux has fixed at 100 for programs. */
const ticksPerSecond = 100;

export const bench: Bench = {
  async run({ long, say }) {
    await using site = await Site.create();
    await writeFile(join(site.directory, 'scope.yaml'), defaultScopeYaml);
    await site.startCollector();
    const agent = await site.startAgent();
    await site.untilWatching();
    const scanned = memoryMib(agent.pid);
    say(`settling for ${settleSeconds} s`);
    await sleep(settleSeconds * 1000);
    const settled = memoryMib(agent.pid);
    const seconds = long ? idleSeconds.long : idleSeconds.short;
    say(`idle for ${seconds} s`);
    const ticks = processorTicks(agent.pid);
    await sleep(seconds * 1000);
    const used = (processorTicks(agent.pid) - ticks) / ticksPerSecond;
    const after = memoryMib(agent.pid);
    closeConnections();
    return [
      {
        title: 'agent over the default scope',
        columns: ['memory', 'RssAnon MiB', 'RSS MiB'],
        rows: [
          ['when the first scan has been accepted', scanned.anon, scanned.rss],
          [`${settleSeconds} s later`, settled.anon, settled.rss],
          [`${seconds} s after that`, after.anon, after.rss],
        ],
      },
      {
        title: `agent when nothing happens, ${seconds} s`,
        columns: ['what', 'value'],
        rows: [
          ['processor seconds', used],
          ['% of a core', (used / seconds) * 100],
        ],
        notes: long ? [] : [`The requirement is over ${idleSeconds.long} s: --long.`],
      },
    ];
  },
};

function memoryMib(pid: number): { anon: number; rss: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { anon: mib('RssAnon'), rss: mib('VmRSS') };
}

/** User and system time of the process and the children that it has waited for. */
function processorTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before may hold spaces
  return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0);
}
