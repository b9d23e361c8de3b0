import assert from 'node:assert/strict';
import { appendFile, chmod, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, closeConnections } from './harness/api.ts';
import { Site, siteNode } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';

after(closeConnections);

test('a change on a node is seen, shown, and accepted with curl', async () => {
  await using site = await Site.create();
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  assert.deepEqual(await site.drift(), []);
  assert.deepEqual(await site.driftSeries(), []);

  const changed = join(site.tree, 'a.conf');
  await appendFile(changed, 'a = 2\n');
  await waitFor('the series of the changed file', async () => (await site.driftSeries()).includes(changed));
  const [drift] = await site.drift();
  assert.equal(drift?.path, changed);
  assert.equal(drift.change, 'changed');
  assert.deepEqual(
    [...drift.attributes].sort((a, b) => a.localeCompare(b)),
    ['sha256', 'size'],
  );

  const accepted = await call<{ accepted: number; remaining: number }>(
    site.url,
    `/api/v1/nodes/${siteNode}/baseline`,
    {
      method: 'POST',
    },
  );
  assert.equal(accepted.status, 200, accepted.text);
  assert.deepEqual([accepted.body.accepted, accepted.body.remaining], [1, 0]);
  assert.deepEqual(await site.driftSeries(), []);
  const audit = await call(site.url, '/api/v1/audit');
  assert.match(audit.text, /"action":"accept"/);
});

test('additions, removals, modes, links and replacements each drift, are accepted by path, and can be put back', async () => {
  await using site = await Site.create();
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();

  const at = (name: string) => join(site.tree, name);
  await writeFile(at('new\nline'), 'x');
  await rm(at('b.conf'));
  await chmod(at('a.conf'), 0o600);
  await symlink('/etc/shadow', at('link'));
  const seen = await waitFor('four drifts', async () => {
    const drift = await site.drift();
    return drift.length === 4 && drift;
  });
  assert.deepEqual(
    seen.map(({ path, change, attributes }) => [path.slice(site.tree.length + 1), change, attributes.join()]),
    [
      ['a.conf', 'changed', 'mode'],
      ['b.conf', 'removed', ''],
      ['link', 'added', ''],
      ['new%0Aline', 'added', ''],
    ],
  );

  const byPath = await call<{ accepted: number; remaining: number }>(
    site.url,
    `/api/v1/nodes/${siteNode}/baseline`,
    {
      method: 'POST',
      body: { paths: [`${site.tree}/link`, `${site.tree}/new*`], reason: 'known' },
    },
  );
  assert.deepEqual([byPath.status, byPath.body.accepted, byPath.body.remaining], [200, 2, 2], byPath.text);

  await chmod(at('a.conf'), 0o644);
  await writeFile(at('b.tmp'), 'b = 1\n');
  await rename(at('b.tmp'), at('b.conf'));
  await waitFor(
    'the drifts to end where the files were put back',
    async () => (await site.drift()).length === 0,
  );

  await chmod(at('a.conf'), 0o600);
  const [again] = await waitFor('the same path to drift again', async () => {
    const drift = await site.drift();
    return drift.length === 1 && drift;
  });
  assert.equal(again?.occurrences, 2, 'a path that flaps shows its count');

  const restored = await call(site.url, `/api/v1/nodes/${siteNode}/baselines/1/restore`, { method: 'POST' });
  assert.equal(restored.status, 200, restored.text);
  assert.deepEqual(
    (await site.drift()).map((drift) => drift.change),
    ['changed', 'added', 'added'],
  );
});

test('a rescan that an operator asks for is carried out at once', async () => {
  await using site = await Site.create();
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  const lastFull = async () => {
    const reply = await call<{ scans: { net: string; startedAt: string }[] }>(
      site.url,
      `/api/v1/nodes/${siteNode}`,
    );
    return reply.body.scans.find((scan) => scan.net === 'full')?.startedAt;
  };
  const before = await lastFull();
  const asked = await call(site.url, `/api/v1/nodes/${siteNode}/rescan`, { method: 'POST' });
  assert.equal(asked.status, 202, asked.text);
  await waitFor('another full scan', async () => (await lastFull()) !== before);
});

test('a node that falls silent is shown so, also by a collector that has restarted since', async () => {
  await using site = await Site.create({
    collector: { HOLDFAST_NODE_SILENT_SECONDS: '2' },
    agent: { HOLDFAST_HEARTBEAT_SECONDS: '1' },
  });
  const collector = await site.startCollector();
  const agent = await site.startAgent();
  await site.untilWatching();
  const silent = async () =>
    /^holdfast_node_silent\{node="worker-1"\} 1$/m.test((await call(site.url, '/metrics')).text);
  assert.equal(await silent(), false);
  agent.kill('SIGTERM');
  assert.equal(await agent.ended, 0);
  await waitFor('the silence to be noticed', silent);
  collector.kill('SIGTERM');
  assert.equal(await collector.ended, 0);
  await site.startCollector();
  await waitFor('the silence to be noticed after a restart', silent);
  const { body } = await call<{ status: string; statuses: string[] }>(site.url, `/api/v1/nodes/${siteNode}`);
  assert.equal(body.status, 'silent');
});
