/**
 * What an agent costs when nothing happens: memory that is its own (RssAnon; the rest of its RSS is page cache that
 * it shares) after a full scan of the default scope, and processor time with its sweeps and heartbeats going on.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNodeFlags, agentProcessEnvironment } from '@holdfast/agent/runtime';
import { defaultScopeYaml } from '@holdfast/shared/default-scope';
import { bundleAgent } from '../scripts/build/bundle-agent.ts';
import { closeConnections } from '../test/harness/api.ts';
import { agentToken, freePort, startProcess } from '../test/harness/process.ts';
import { Site, siteNode } from '../test/harness/site.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Table } from './table.ts';

/** The hash workers end after some seconds without work, and the collector of garbage takes its time. */
const settleSeconds = 20;
const idleSeconds = { short: 60, long: 300 } as const;
/** USER_HZ, which Linux has fixed at 100 for programs. */
const ticksPerSecond = 100;

export const bench: Bench = {
  async run(options) {
    await using site = await Site.create();
    const scopeFile = join(site.directory, 'scope.yaml');
    await writeFile(scopeFile, defaultScopeYaml);
    await site.startCollector();
    const { file } = await bundleAgent(site.directory);
    await using agent = startProcess([...agentNodeFlags, file, 'run'], {
      ...agentProcessEnvironment,
      HOLDFAST_COLLECTOR_URL: site.url,
      HOLDFAST_TOKEN: agentToken,
      HOLDFAST_STATE_DIR: join(site.directory, 'agent'),
      HOLDFAST_SCOPE_FILE: scopeFile,
      HOLDFAST_NODE_NAME: siteNode,
      HOLDFAST_START_SPLAY_SECONDS: '0',
      HOLDFAST_LISTEN: `127.0.0.1:${await freePort()}`,
    });
    await site.untilWatching();
    try {
      return await measure(agent.pid, options);
    } finally {
      closeConnections();
      agent.kill('SIGTERM');
      await agent.ended;
    }
  },
};

async function measure(pid: number, { long, say }: BenchOptions): Promise<Table[]> {
  const scanned = memoryMib(pid);
  say(`settling for ${settleSeconds} s`);
  await sleep(settleSeconds * 1000);
  const settled = memoryMib(pid);
  const seconds = long ? idleSeconds.long : idleSeconds.short;
  say(`idle for ${seconds} s`);
  const ticks = processorTicks(pid);
  await sleep(seconds * 1000);
  const used = (processorTicks(pid) - ticks) / ticksPerSecond;
  const after = memoryMib(pid);
  return [
    {
      title: 'agent over the default scope, bundled as it ships',
      columns: ['memory', 'RssAnon MiB', 'RSS MiB'],
      rows: [
        ['when the first scan has been accepted', scanned.anon, scanned.rss],
        [`${settleSeconds} s later`, settled.anon, settled.rss],
        [`${seconds} s after that`, after.anon, after.rss],
      ],
    },
    {
      title: `agent when nothing happens, ${seconds} s`,
      columns: ['processor', 'value'],
      rows: [
        ['seconds', used],
        ['% of a core', (used / seconds) * 100],
      ],
      notes: long ? [] : [`The requirement is over ${idleSeconds.long} s: --long.`],
    },
  ];
}

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
