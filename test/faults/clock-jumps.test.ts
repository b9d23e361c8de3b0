import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, closeConnections } from '../harness/api.ts';
import { compileShim } from '../harness/shim.ts';
import { Site, siteNode } from '../harness/site.ts';
import { waitFor } from '../harness/wait.ts';
import { needTool } from '../need.ts';

const skip = needTool('cc', 'apt-get install -y gcc libc6-dev');
const year = 365 * 86_400;

after(closeConnections);

test('an agent whose clock jumps still reports every change, and ages are by the collector’s clock', {
  skip,
}, async () => {
  using shim = compileShim();
  const clock = join(shim.directory, 'clock');
  await writeFile(clock, '0');
  await using site = await Site.create({
    agent: { LD_PRELOAD: shim.path, FAULT_CLOCK_FILE: clock, HOLDFAST_HEARTBEAT_SECONDS: '1' },
  });
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  for (const [i, offset] of [year, -year, 0].entries()) {
    await writeFile(clock, String(offset));
    const file = join(site.tree, `after-jump-${i}`);
    await writeFile(file, 'x');
    await waitFor('the drift', async () => (await site.drift()).some((drift) => drift.path === file));
  }
  const { body } = await call<{ statuses: string[]; lastReportAt: string }>(
    site.url,
    `/api/v1/nodes/${siteNode}`,
  );
  assert.ok(!body.statuses.includes('silent'));
  assert.ok(Math.abs(Date.parse(body.lastReportAt) - Date.now()) < 60_000);
});

test('a collector whose clock jumps back keeps its order and stays up', {
  skip,
}, async () => {
  using shim = compileShim();
  const clock = join(shim.directory, 'clock');
  await writeFile(clock, '0');
  await using site = await Site.create({ collector: { LD_PRELOAD: shim.path, FAULT_CLOCK_FILE: clock } });
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  const file = join(site.tree, 'a.conf');
  for (const offset of [year, -year]) {
    await writeFile(clock, String(offset));
    await appendFile(file, `${offset}\n`);
    await waitFor('the drift', async () => (await site.drift()).some((drift) => drift.path === file));
    const accepted = await call(site.url, `/api/v1/nodes/${siteNode}/baseline`, { method: 'POST' });
    assert.equal(accepted.status, 200, accepted.text);
    assert.deepEqual(await site.drift(), []);
  }
  const events = await site.events();
  assert.deepEqual(
    events.map((event) => event.id),
    events.map((event) => event.id).sort((a, b) => a - b),
  );
  const metrics = await call(site.url, '/metrics');
  assert.equal(metrics.status, 200);
  assert.doesNotMatch(metrics.text, /NaN/);
});
