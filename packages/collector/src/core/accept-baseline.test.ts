import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftTag } from '#core/drift-tag';
import { decideDeletion } from '#core/node-lifecycle';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');
const passwd = file('/etc/passwd');
const edited = file('/etc/hosts', 'b');

async function tagOf(store: Store): Promise<string> {
  const summary = await store.node('n1');
  assert.ok(summary);
  return driftTag(summary.state);
}

test('accepting everything takes over all drifts, ends them as accepted, and is in history and audit', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  await agent.tell(store, [edited, file('/etc/new')], ['/etc/passwd']);
  const outcome = await agent.mustAccept(store, { reason: 'upgrade' });
  assert.deepEqual([outcome.accepted, outcome.remaining, outcome.unknown], [3, 0, 0]);
  assert.equal(outcome.baseline.sequence, 2);
  assert.equal(outcome.baseline.manifest, agent.manifest.digest());
  assert.equal(outcome.baseline.reviewed, false);
  assert.deepEqual(await agent.standing(store), []);
  assert.equal((await agent.history(store)).at(-1), 'baseline-accepted');
  const [audit] = await store.audit(null, 1);
  assert.deepEqual([audit?.who, audit?.action, audit?.reason], ['ada', 'accept', 'upgrade']);
  assert.equal(audit?.details['to'], agent.manifest.digest());
  assert.equal(audit?.details['acceptedPaths'], '/etc/hosts\n/etc/new\n/etc/passwd');
});

test('accepting by globs takes over only what they name, and what lies below it', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  await agent.tell(store, [edited, file('/etc/ssl/a'), file('/etc/ssl/b/c')], ['/etc/passwd']);
  const outcome = await agent.mustAccept(store, { paths: ['/etc/ssl', '/etc/pass*'] });
  assert.deepEqual([outcome.accepted, outcome.remaining], [3, 1]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  await agent.tell(store, [hosts]);
  assert.deepEqual(await agent.standing(store), []);
});

test('globs that name nothing leave the baseline as it is, and the attempt in the audit', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [edited]);
  const outcome = await agent.mustAccept(store, { paths: ['/usr/**'] });
  assert.deepEqual([outcome.accepted, outcome.remaining, outcome.baseline.sequence], [0, 1, 1]);
  assert.equal((await store.audit(null, 1))[0]?.details['accepted'], 0);
});

test('an acceptance that names what was looked at is refused once the node has moved on', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [edited]);
  const looked = [await tagOf(store), (await store.node('n1'))?.state.observed ?? ''];
  await agent.tell(store, [file('/etc/hosts', 'c')]);
  for (const ifMatch of looked) {
    const answer = await agent.accept(store, { ifMatch: `"${ifMatch}"` });
    assert.ok('refused' in answer && answer.refused.code === 'node-moved-on');
  }
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  const outcome = await agent.mustAccept(store, { ifMatch: `"${await tagOf(store)}"` });
  assert.equal(outcome.baseline.reviewed, true);
});

test('of two operators who looked at the same and accept at once, one is told to look again', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  await agent.tell(store, [edited, file('/etc/passwd', 'b')]);
  const ifMatch = await tagOf(store);
  const answers = await Promise.all([
    agent.accept(store, { ifMatch, paths: ['/etc/hosts'], who: 'ada' }),
    agent.accept(store, { ifMatch, paths: ['/etc/passwd'], who: 'bob' }),
  ]);
  assert.ok('outcome' in answers[0] && answers[0].outcome.remaining === 1);
  assert.ok('refused' in answers[1] && answers[1].refused.code === 'node-moved-on');
  assert.deepEqual(await agent.standing(store), ['changed /etc/passwd']);
});

test('two bare acceptances at once leave one baseline after the other, and nothing twice', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [edited]);
  const [ada, bob] = await Promise.all([
    agent.mustAccept(store, { who: 'ada' }),
    agent.mustAccept(store, { who: 'bob' }),
  ]);
  assert.deepEqual([ada.accepted, bob.accepted], [1, 0]);
  assert.equal((await store.baselines('n1')).length, 2);
});

test('a bare acceptance of a clean node that nobody reviewed makes the operator answer for it', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const bare = await agent.mustAccept(store);
  assert.deepEqual([bare.accepted, bare.baseline.sequence, bare.baseline.acceptedBy], [0, 2, 'ada']);
  const again = await agent.mustAccept(store);
  assert.equal(again.baseline.sequence, 2);
  const reviewed = await agent.mustAccept(store, { ifMatch: await tagOf(store) });
  assert.deepEqual([reviewed.baseline.sequence, reviewed.baseline.reviewed], [3, true]);
  const later = await agent.mustAccept(store);
  assert.deepEqual([later.baseline.sequence, later.baseline.reviewed], [3, true]);
  const anything = await agent.mustAccept(store, { ifMatch: '*' });
  assert.equal(anything.baseline.sequence, 3);
});

test('a path that could not be read is not forgotten by an acceptance', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const { sha256: _, size: __, ...blurred } = hosts;
  await agent.tell(store, [{ ...blurred, mode: 0o600, unread: 'permission' }]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  const outcome = await agent.mustAccept(store);
  assert.deepEqual([outcome.accepted, outcome.remaining, outcome.unknown], [1, 0, 1]);
  assert.deepEqual(await agent.standing(store), []);
  await agent.tell(store, [file('/etc/hosts', 'x', { mode: 0o600 })]);
  const [drift] = await store.standingDrift('n1');
  assert.deepEqual(drift?.attributes, ['sha256']);
});

test('what lies in a place that is missing stays accepted until it is named', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, file('/etc/cni/a'), file('/etc/cni/b')]);
  await agent.introduce(store);
  agent.blindSpots = [{ path: '/etc/cni', reason: 'missing' }];
  await agent.tell(store, [], ['/etc/cni/a', '/etc/cni/b']);
  const all = await agent.mustAccept(store);
  assert.deepEqual([all.accepted, all.unknown], [0, 2]);
  const named = await agent.mustAccept(store, { paths: ['/etc/cni/a'] });
  assert.deepEqual([named.accepted, named.unknown], [1, 1]);
  agent.blindSpots = [];
  await agent.tell(store, [file('/etc/cni/a'), file('/etc/cni/b')]);
  assert.deepEqual(await agent.standing(store), ['added /etc/cni/a']);
});

test('what cannot be listed is not given up even if it is named; what a mount covers is', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, file('/etc/dark/a'), file('/etc/mnt/a')]);
  await agent.introduce(store);
  agent.blindSpots = [
    { path: '/etc/dark', reason: 'unreadable' },
    { path: '/etc/mnt', reason: 'mount' },
  ];
  await agent.tell(store, [], ['/etc/dark/a', '/etc/mnt/a']);
  const named = await agent.mustAccept(store, { paths: ['/etc/dark/a'] });
  assert.deepEqual([named.accepted, named.unknown], [0, 2]);
  const all = await agent.mustAccept(store);
  assert.deepEqual([all.accepted, all.unknown], [1, 1]);
  assert.deepEqual(await agent.unknown(store), ['unreadable /etc/dark/a']);
});

test('a pending node gets its first baseline from an operator, all of it or none', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, passwd], { initialBaseline: 'pending' });
  await agent.introduce(store);
  assert.equal((await store.node('n1'))?.state.pendingBecause, 'the configuration asks for an operator');
  const part = await agent.accept(store, { paths: ['/etc/hosts'] });
  assert.ok('refused' in part && part.refused.code === 'bad-request');
  const outcome = await agent.mustAccept(store);
  assert.deepEqual([outcome.accepted, outcome.baseline.sequence], [2, 1]);
  assert.equal((await store.node('n1'))?.state.pendingBecause, null);
  await agent.tell(store, [edited]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
});

test('an acceptance that cannot be is refused with the reason', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const code = async (acceptance = {}) => {
    const answer = await agent.accept(store, acceptance);
    return 'refused' in answer ? answer.refused.code : 'accepted';
  };
  assert.equal(await code(), 'node-unknown');
  await agent.tell(store, [], [], { result: null, entries: 0 });
  assert.equal(await code(), 'nothing-observed');
  await agent.introduce(store);
  assert.equal(await code({ paths: [] }), 'bad-request');
  assert.equal(await code({ paths: ['etc'] }), 'bad-request');
  await store.decide('n1', (view) => decideDeletion(view, { who: 'ada', reason: null }, 1));
  assert.equal(await code(), 'node-deleted');
});

test('an attribute that the baseline never had counts from the next acceptance on', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const { uid: _, ...lean } = hosts;
  const agent = new TestAgent('n1', [lean]);
  await agent.introduce(store);
  await agent.tell(store, [{ ...hosts, uid: 7 }]);
  assert.deepEqual(await agent.standing(store), []);
  const outcome = await agent.mustAccept(store);
  assert.deepEqual([outcome.accepted, outcome.baseline.sequence], [0, 2]);
  await agent.tell(store, [{ ...hosts, uid: 8 }]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
});
