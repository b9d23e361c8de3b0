/**
 * The agent as the DaemonSet ships it, under the memory limit of its manifest, over this machine's default scope from a
 * cold cache: the first full scan, then a rescan with AIDE.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentNodeFlags, agentProcessEnvironment } from '@holdfast/agent/runtime';
import { defaultScopeYaml } from '@holdfast/shared/default-scope';
import { bundleAgent } from '../scripts/build/bundle-agent.ts';
import { call, closeConnections } from '../test/harness/api.ts';
import { agentToken, freePort, projectRoot, startCommand } from '../test/harness/process.ts';
import { Site, siteNode } from '../test/harness/site.ts';
import { waitFor } from '../test/harness/wait.ts';
import type { Bench } from './bench.ts';
import { memoryGroup } from './memory-group.ts';
import type { Table } from './table.ts';

const manifest = join(projectRoot, 'deploy/daemonset/base/daemonset.yaml');
const timeoutMs = 300_000;

export const bench: Bench = {
  async run({ say }) {
    if (process.getuid?.() !== 0) return [refusal('only root may drop the caches')];
    const limitMib = Number(/limits:.*memory: (\d+)Mi/.exec(readFileSync(manifest, 'utf8'))?.[1]);
    using group = memoryGroup(limitMib);
    if (!group) return [refusal('no memory controller is mounted where this process may make a group')];
    await using site = await Site.create();
    const scopeFile = join(site.directory, 'scope.yaml');
    await writeFile(scopeFile, defaultScopeYaml);
    await site.startCollector();
    const { file } = await bundleAgent(site.directory);
    spawnSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    const startedAt = performance.now();
    await using agent = startCommand(
      [
        'sh',
        '-c',
        'echo $$ > "$0"; exec "$@"',
        group.membersFile,
        process.execPath,
        ...agentNodeFlags,
        file,
        'run',
      ],
      {
        ...agentProcessEnvironment,
        PATH: process.env['PATH'],
        HOLDFAST_COLLECTOR_URL: site.url,
        HOLDFAST_TOKEN: agentToken,
        HOLDFAST_STATE_DIR: join(site.directory, 'agent'),
        HOLDFAST_SCOPE_FILE: scopeFile,
        HOLDFAST_NODE_NAME: siteNode,
        HOLDFAST_START_SPLAY_SECONDS: '0',
        HOLDFAST_LISTEN: `127.0.0.1:${await freePort()}`,
      },
    );
    await waitFor('the first full scan', async () => (await nets(site.url)).includes('full'), timeoutMs);
    const firstSeconds = secondsSince(startedAt);
    say(`first full scan reported after ${firstSeconds.toFixed(1)} s; now AIDE`);
    const rescanAt = performance.now();
    await call(site.url, `/api/v1/nodes/${siteNode}/rescan`, { method: 'POST' });
    await waitFor('a run of AIDE', async () => (await nets(site.url)).includes('aide'), timeoutMs);
    const aideSeconds = secondsSince(rescanAt);
    const anonMib =
      Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) / 1024;
    closeConnections();
    agent.kill('SIGTERM');
    await agent.ended;
    return [
      {
        title: `the agent in ${limitMib} MiB, page cache included, over the default scope from a cold cache`,
        columns: ['what', 'value'],
        rows: [
          ['start to first full scan reported, s', firstSeconds],
          ['rescan to run of AIDE reported, s', aideSeconds],
          ['memory of its own then, MiB', anonMib],
        ],
        notes: ['A limit that is too small shows as a scan that does not end.'],
      },
    ];
  },
};

async function nets(url: string): Promise<string[]> {
  const { body } = await call<{ scans?: { net: string }[] }>(url, `/api/v1/nodes/${siteNode}`);
  return (body.scans ?? []).map(({ net }) => net);
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}

function refusal(reason: string): Table {
  return { title: 'the agent under the limit of its manifest', columns: ['not measured'], rows: [[reason]] };
}
