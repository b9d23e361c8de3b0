/** Both programs with only the system calls that their units allow, which a test of the units' text says nothing about. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { call, closeConnections } from './harness/api.ts';
import { agentCommand, collectorCommand } from './harness/process.ts';
import { Site } from './harness/site.ts';
import { allowedCalls, compileFilter } from './harness/system-calls.ts';
import { waitFor } from './harness/wait.ts';
import { needTool } from './need.ts';
import { readRepositoryFile } from './repository.ts';

const skip =
  needTool('systemd-analyze', 'apt-get install -y systemd') || needTool('cc', 'apt-get install -y gcc');

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-calls-'));
});
after(async () => {
  closeConnections();
  await rm(directory, { recursive: true, force: true });
});

async function filterOf(program: 'agent' | 'collector'): Promise<string> {
  const own = join(directory, program);
  await mkdir(own);
  return compileFilter(allowedCalls(readRepositoryFile(`deploy/systemd/holdfast-${program}.service`)), own);
}

test('with the calls that the units allow, drift is found and a backup is made', {
  skip,
}, async () => {
  const [agent, collector] = [await filterOf('agent'), await filterOf('collector')];
  const refused = spawnSync(collector, ['/usr/bin/nice', '-n', '5', '/bin/true'], { encoding: 'utf8' });
  assert.match(refused.stderr, /cannot set niceness/, 'the filter holds');

  const backups = join(directory, 'backups');
  await using site = await Site.create({
    programs: {
      agent: [agent, ...agentCommand],
      collector: [collector, ...collectorCommand],
      environment: { PATH: process.env['PATH'] },
    },
    collector: { HOLDFAST_BACKUP_DIR: backups, HOLDFAST_BACKUP_CRON: '* * * * * *' },
  });
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  await appendFile(join(site.tree, 'a.conf'), 'a = 2\n');
  await waitFor('the series of the changed file', async () => (await site.driftSeries()).length === 1);
  const made = /^holdfast_backup_last_success_timestamp_seconds [1-9]/m;
  await waitFor('a backup', async () => made.test((await call(site.url, '/metrics')).text));
  assert.match((await call(site.url, '/metrics')).text, /^holdfast_backup_failures_total 0$/m);
});
