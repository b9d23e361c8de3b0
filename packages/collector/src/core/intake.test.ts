import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bucketDigest, bucketOf, emptyBucketDigest, encodeBucket } from '@holdfast/shared/manifest';
import type { Report } from '@holdfast/shared/wire';
import { decideDeletion, decideReadmission } from '#core/node-lifecycle';
import { file, hex32, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');
const passwd = file('/etc/passwd');

test('the first report of a node becomes its unreviewed baseline and starts no drift', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  const answer = await agent.introduce(store);
  assert.equal(answer.outcome.observed, agent.manifest.digest());
  const [baseline, ...older] = await store.baselines('n1');
  assert.deepEqual(older, []);
  assert.equal(baseline?.manifest, agent.manifest.digest());
  assert.equal(baseline?.reviewed, false);
  assert.equal(baseline?.acceptedBy, 'holdfast');
  assert.deepEqual(await agent.standing(store), []);
  assert.deepEqual(await agent.history(store), ['node-first-seen', 'baseline-accepted']);
  assert.deepEqual(
    (await store.audit(null, 10)).map(({ who, action, node }) => [who, action, node]),
    [['holdfast', 'accept-initial', 'n1']],
  );
});

test('a changed, an added and a removed path are three drifts, and end when they are put back', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b'), file('/etc/new')], ['/etc/passwd']);
  assert.deepEqual(await agent.standing(store), [
    'changed /etc/hosts',
    'added /etc/new',
    'removed /etc/passwd',
  ]);
  const summary = await store.node('n1');
  assert.deepEqual(summary?.drift, { added: 1, removed: 1, changed: 1 });
  assert.equal(summary?.oldestDriftAt, agent.now);
  await agent.tell(store, [hosts, passwd], ['/etc/new']);
  assert.deepEqual(await agent.standing(store), []);
  assert.deepEqual((await store.node('n1'))?.drift, { added: 0, removed: 0, changed: 0 });
  assert.equal((await store.node('n1'))?.oldestDriftAt, null);
});

test('a drift whose content changes again keeps its number and its first-seen time', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  const [first] = await store.standingDrift('n1');
  await agent.tell(store, [file('/etc/hosts', 'c')]);
  const [second] = await store.standingDrift('n1');
  assert.equal(second?.id, first?.id);
  assert.equal(second?.firstSeenAt, first?.firstSeenAt);
  assert.equal(second?.after?.sha256, file('', 'c').sha256);
  await agent.tell(store, [], ['/etc/hosts']);
  assert.deepEqual(await agent.standing(store), ['removed /etc/hosts']);
  assert.deepEqual((await store.node('n1'))?.drift, { added: 0, removed: 1, changed: 0 });
});

test('a path that flaps is two drifts, and the second shows that it is', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  await agent.tell(store, [hosts]);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  const [drift] = await store.standingDrift('n1');
  assert.equal(drift?.occurrences, 2);
  assert.equal(drift?.firstSeenAt, agent.now);
});

test('a path that cannot be read keeps its standing drift, and starts none', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  const { sha256: _, size: __, ...blurred } = hosts;
  await agent.tell(store, [
    { ...blurred, unread: 'permission' },
    { ...passwd, unread: 'unstable' },
  ]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  assert.deepEqual(await agent.unknown(store), ['permission /etc/hosts', 'unstable /etc/passwd']);
  assert.equal((await store.standingDrift('n1'))[0]?.unknown, 'permission');
  assert.equal((await store.node('n1'))?.unknownPaths, 2);
  await agent.tell(store, [hosts, passwd]);
  assert.deepEqual(await agent.standing(store), []);
  assert.deepEqual(await agent.unknown(store), []);
  assert.equal((await store.node('n1'))?.unknownPaths, 0);
});

test('a tree that vanishes with its root is unknown, not a thousand removals', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const paths = Array.from({ length: 1000 }, (_, i) => `/etc/cni/${i}`);
  const agent = new TestAgent('n1', [hosts, ...paths.map((path) => file(path))]);
  await agent.introduce(store);
  agent.blindSpots = [{ path: '/etc/cni', reason: 'missing' }];
  await agent.tell(store, [], paths);
  assert.deepEqual(await agent.standing(store), []);
  assert.equal((await store.node('n1'))?.unknownPaths, 1000);
  agent.blindSpots = [];
  await agent.tell(store);
  assert.equal((await store.node('n1'))?.drift.removed, 1000);
  assert.equal((await store.node('n1'))?.unknownPaths, 0);
});

test('a repeated report is answered as before and changes nothing', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const changed = file('/etc/hosts', 'b');
  const report = agent.report([changed], [], { events: [agent.event(1, hosts.path, hosts, changed)] });
  const first = await agent.send(store, report);
  const before = { node: await store.node('n1'), history: await agent.history(store) };
  const second = await agent.send(store, report);
  assert.ok('outcome' in first && 'outcome' in second);
  assert.equal(second.outcome.kind, 'repeated');
  assert.equal(second.outcome.observed, first.outcome.observed);
  assert.equal(second.outcome.eventsStored, 1);
  assert.deepEqual({ node: await store.node('n1'), history: await agent.history(store) }, before);
});

test('a report that was overtaken is refused and changes nothing', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const late = agent.report();
  await agent.tell(store);
  const answer = await agent.send(store, late);
  assert.ok('refused' in answer && answer.refused.code === 'sequence-passed');
});

test('a report from another base is told what is held, and converges with the buckets that differ', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  agent.manifest.set(file('/etc/hosts', 'b'));
  const lost = agent.report([], [], { base: 'f'.repeat(64) });
  const refusal = await agent.send(store, lost);
  assert.ok('refused' in refusal && refusal.refused.code === 'base-mismatch');
  assert.equal(refusal.refused.observed, agent.base);
  const held = refusal.refused.bucketDigests;
  const buckets = agent.manifest
    .buckets()
    .map((bucket, index) => ({ index, digest: bucket.digest, entries: [...bucket.entries().values()] }))
    .filter(({ index, digest }) => held[index] !== digest);
  assert.equal(buckets.length, 1);
  await agent.tell(store, [], [], { buckets: buckets.map(({ index, entries }) => ({ index, entries })) });
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
});

test('a wrong result is a mismatch, whatever else is right, and an unknown node holds 256 empty buckets', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const wrong = await agent.send(store, { ...agent.whole(), result: '0'.repeat(64) });
  assert.ok('refused' in wrong && wrong.refused.code === 'base-mismatch');
  assert.equal(wrong.refused.observed, null);
  assert.deepEqual(new Set(wrong.refused.bucketDigests), new Set([emptyBucketDigest]));
  assert.equal(wrong.refused.bucketDigests.length, 256);
  assert.equal(await store.node('n1'), null);
  await agent.introduce(store);
  const again = await agent.send(store, { ...agent.report(), base: null });
  assert.ok('refused' in again && again.refused.code === 'base-mismatch');
  assert.equal(again.refused.bucketDigests[bucketOf(hosts.path)], bucketDigest(encodeBucket([hosts])));
});

test('a starting agent is heard, and what was observed stays', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const starting: Partial<Report> = {
    result: null,
    base: null,
    entries: 0,
    health: { phase: 'starting', watchDegraded: null, outboxDegraded: null, eventsDropped: 0 },
  };
  await agent.tell(store, [], [], starting);
  const summary = await store.node('n1');
  assert.equal(summary?.state.observed, null);
  assert.equal(summary?.state.health.phase, 'starting');
  await agent.introduce(store);
  agent.instance = hex32('2');
  agent.sequence = 0;
  await agent.tell(store, [], [], starting);
  assert.equal((await store.node('n1'))?.state.observed, agent.manifest.digest());
  const loaded = await agent.send(store, { ...agent.whole(), result: null });
  assert.ok('refused' in loaded && loaded.refused.code === 'invalid-report');
});

test('a scope must be known or come along, and must be what its digest says', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const report = agent.whole();
  const bare = await agent.send(store, { ...report, scope: { digest: report.scope.digest } });
  assert.ok('refused' in bare && bare.refused.code === 'scope-unknown');
  const other = { version: 1 as const, paths: [{ path: '/usr' }] };
  const lying = await agent.send(store, { ...report, scope: { ...report.scope, document: other } });
  assert.ok('refused' in lying && lying.refused.code === 'invalid-report');
  const broken = { version: 1 as const, paths: [{ path: 'etc' }] };
  const invalid = await agent.send(store, { ...report, scope: { ...report.scope, document: broken } });
  assert.ok('refused' in invalid && invalid.refused.code === 'invalid-report');
  await agent.send(store, report);
  const known = agent.report();
  const heard = await agent.send(store, { ...known, scope: { digest: known.scope.digest } });
  assert.ok('outcome' in heard);
});

test('a deleted node is refused until it is readmitted, and then has the baseline that it had', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  const ada = { who: 'ada', reason: 'gone' };
  await store.decide('n1', (view) => decideDeletion(view, ada, 5));
  assert.deepEqual(await store.nodes(), []);
  assert.deepEqual(await store.standingDrift('n1'), []);
  assert.deepEqual(await store.standingDriftOfAll(10, agent.now), []);
  const refused = await agent.send(store, agent.report());
  assert.ok('refused' in refused && refused.refused.code === 'node-deleted');
  await store.decide('n1', (view) => decideReadmission(view, ada, 6));
  await agent.tell(store);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  assert.equal((await store.baselines('n1')).length, 1);
  const audit = await store.audit(null, 10);
  assert.deepEqual(
    audit.map(({ action }) => action),
    ['readmit-node', 'delete-node', 'accept-initial'],
  );
});

test('a reimaged node is marked, and what differs is drift', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  agent.machineId = 'machine-2';
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  assert.equal((await store.node('n1'))?.state.reimagedAt, agent.now);
  assert.ok((await agent.history(store)).includes('machine-changed'));
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  await agent.mustAccept(store);
  assert.equal((await store.node('n1'))?.state.reimagedAt, null);
});

test('the newest result of each net stays when an agent starts anew', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const scan = (net: 'full' | 'metadata', changed: number): Report['scans'][number] => ({
    net,
    startedAt: '2026-01-01T00:00:00.000Z',
    durationMs: 1.5,
    entries: 1,
    hashed: 1,
    bytes: 1,
    unread: 0,
    changed,
  });
  await agent.introduce(store);
  await agent.tell(store, [], [], { scans: [scan('full', 1), scan('metadata', 2)] });
  await agent.tell(store, [], [], { scans: [scan('metadata', 3)] });
  const scans = (await opened.reopen().then((again) => again.node('n1')))?.state.scans;
  assert.deepEqual(
    scans?.map(({ net, changed }) => `${net} ${changed}`),
    ['full 1', 'metadata 3'],
  );
});

const accepted = new URL('../../../shared/fixtures/wire/accepted/', import.meta.url);

test('every report that the wire takes is decided about, whatever it holds', async () => {
  await using opened = await openTestStore();
  for (const name of readdirSync(accepted)) {
    const fixture = JSON.parse(readFileSync(new URL(name, accepted), 'utf8')) as Report;
    const agent = new TestAgent('n1');
    const answer = await agent.send(opened.store, fixture);
    assert.ok('outcome' in answer || answer.refused.detail !== '', name);
  }
});
