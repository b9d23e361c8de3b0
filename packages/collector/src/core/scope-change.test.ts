import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Scope, scopeDigest } from '@holdfast/shared/scope';
import { file, openTestStore, TestAgent } from '#store/test-node';

const etc = Array.from({ length: 20 }, (_, i) => file(`/etc/${i}`));
const usr = Array.from({ length: 20 }, (_, i) => file(`/usr/bin/${i}`));
const wide: Scope = { version: 1, paths: [{ path: '/etc' }, { path: '/usr/bin' }] };
const modesOnly: Scope = {
  version: 1,
  paths: [{ path: '/etc', attributes: ['type', 'mode'] }, { path: '/usr/bin' }],
};

test('a scope that grows leaves entering paths unreviewed, not added', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', etc);
  await agent.introduce(store);
  agent.rescope(wide, [...etc, ...usr]);
  await agent.tell(store, usr);
  assert.deepEqual(await agent.standing(store), []);
  const unknown = await agent.unknown(store);
  assert.equal(unknown.length, usr.length);
  assert.ok(unknown.every((line) => line.startsWith('entered-scope /usr/bin/')));
  assert.deepEqual((await agent.history(store)).slice(2), ['scope-changed']);
  await agent.tell(store, [file('/etc/0', 'b')]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/0']);
  await agent.mustAccept(store);
  assert.deepEqual(await agent.unknown(store), []);
  assert.equal((await store.node('n1'))?.baselineScope, scopeDigest(wide));
});

test('a scope that shrinks leaves what it no longer shows as unknown, with its drift', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1');
  agent.rescope(wide, [...etc, ...usr]);
  await agent.introduce(store);
  await agent.tell(store, [file('/usr/bin/0', 'b')]);
  agent.rescope({ version: 1, paths: [{ path: '/etc' }] }, etc);
  await agent.tell(
    store,
    [],
    usr.map(({ path }) => path),
  );
  assert.deepEqual(await agent.standing(store), ['changed /usr/bin/0']);
  assert.equal((await agent.unknown(store)).length, usr.length);
  const part = await agent.mustAccept(store, { paths: ['/usr/bin/1'] });
  assert.deepEqual([part.accepted, part.unknown, part.remaining], [1, usr.length - 1, 1]);
  assert.equal((await store.node('n1'))?.baselineScope, scopeDigest(wide));
  const all = await agent.mustAccept(store);
  assert.deepEqual([all.unknown, all.remaining], [0, 0]);
});

test('a scope that would take the collector hours to match is refused, and changes nothing', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const long = Array.from({ length: 20 }, (_, i) => `/etc/${'a/'.repeat(500)}${i}`);
  const agent = new TestAgent(
    'n1',
    long.map((path) => file(path)),
  );
  await agent.introduce(store);
  const before = await store.node('n1');
  const exclude = Array.from({ length: 1000 }, (_, i) => `/**/${'?'.repeat(1000)}${i}`);
  const changed = long.map((path) => file(path, 'b'));
  agent.rescope({ version: 1, paths: [{ path: '/' }], exclude }, changed);
  const refused = await agent.send(store, agent.report(changed));
  assert.ok('refused' in refused && refused.refused.code === 'invalid-report', JSON.stringify(refused));
  assert.match(refused.refused.detail, /too much work/);
  assert.deepEqual(await store.node('n1'), before);
});

test('a baseline follows a scope that the configuration expects, and keeps what was accepted', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', etc, { expectedScopes: new Set([scopeDigest(wide)]) });
  await agent.introduce(store);
  const drifted = file('/etc/0', 'b');
  agent.rescope(wide, [drifted, ...etc.slice(1), ...usr]);
  await agent.tell(store, [drifted, ...usr]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/0']);
  assert.deepEqual(await agent.unknown(store), []);
  const [baseline] = await store.baselines('n1');
  assert.deepEqual([baseline?.sequence, baseline?.paths, baseline?.acceptedBy], [2, usr.length, 'holdfast']);
  assert.equal((await store.audit(null, 1))[0]?.action, 'accept-expected-scope');
  assert.equal((await store.node('n1'))?.baselineScope, scopeDigest(wide));
});

test('an expected scope moves only the attributes that it adds or drops', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const expected = new Set([scopeDigest(modesOnly), scopeDigest(wide)]);
  const agent = new TestAgent('n1', [], { expectedScopes: expected });
  agent.rescope(wide, [...etc, ...usr]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/0', 'b', { mode: 0o600 })]);
  const lean = etc.map(({ path }, i) => ({ path, type: 'file' as const, mode: i === 0 ? 0o600 : 0o644 }));
  agent.rescope(modesOnly, [...lean, ...usr]);
  await agent.tell(store, lean);
  const [drift, ...more] = await store.standingDrift('n1');
  assert.deepEqual(more, []);
  assert.deepEqual([drift?.path, drift?.attributes], ['/etc/0', ['mode']]);
  assert.deepEqual(await agent.unknown(store), []);
  agent.rescope(wide, [...etc, ...usr]);
  await agent.tell(store, etc);
  assert.deepEqual(await agent.standing(store), []);
  await agent.tell(store, [file('/etc/1', 'c')]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/1']);
});

test('a scope that becomes expected later is followed at the next report', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const expectedScopes = new Set<string>();
  const agent = new TestAgent('n1', etc, { expectedScopes });
  await agent.introduce(store);
  agent.rescope(wide, [...etc, ...usr]);
  await agent.tell(store, usr);
  assert.equal((await agent.unknown(store)).length, usr.length);
  expectedScopes.add(scopeDigest(wide));
  await agent.tell(store);
  assert.deepEqual(await agent.unknown(store), []);
});
