import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideUndo } from '#core/restore-baseline';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');

async function undo(store: Store, agent: TestAgent, ifMatch: string | null = null) {
  agent.now += 1000;
  const { now } = agent;
  return store.decide(agent.name, (view) =>
    decideUndo(view, { ifMatch, who: 'ada', reason: 'too early' }, now),
  );
}

async function mustUndo(store: Store, agent: TestAgent) {
  const decided = await undo(store, agent);
  if ('refused' in decided) throw new Error(`${decided.refused.code}: ${decided.refused.detail}`);
  return decided.outcome;
}

test('an undo takes the last acceptance back; its drifts go on as they were, with number and first-seen time', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, file('/etc/passwd')]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b'), file('/etc/new')], ['/etc/passwd']);
  const before = await store.standingDrift('n1');
  await agent.mustAccept(store);
  assert.deepEqual(await agent.standing(store), []);
  const { remaining, baseline } = await mustUndo(store, agent);
  assert.deepEqual([remaining, baseline.sequence, baseline.restoredFrom], [3, 3, 1]);
  assert.deepEqual(await store.standingDrift('n1'), before);
  const [audit] = await store.audit(null, 1);
  assert.deepEqual([audit?.action, audit?.details['reviewed']], ['undo', false]);
});

test('what changed after the acceptance keeps its own time', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, file('/etc/other')]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  const [first] = await store.standingDrift('n1');
  await agent.mustAccept(store);
  await agent.tell(store, [file('/etc/hosts', 'c'), file('/etc/other', 'z')]);
  const lastReport = agent.now;
  await mustUndo(store, agent);
  const [changedAgain, since] = await store.standingDrift('n1');
  // It has not been what the earlier baseline says since the first change: one drift, whose content moved on.
  assert.deepEqual(
    [changedAgain?.path, changedAgain?.before?.sha256, changedAgain?.after?.sha256],
    ['/etc/hosts', hosts.sha256, file('/etc/hosts', 'c').sha256],
  );
  assert.ok(first);
  assert.deepEqual([since?.path, since?.firstSeenAt], ['/etc/other', lastReport]);
});

test('what was put back in the meantime does not drift after an undo', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  await agent.mustAccept(store);
  await agent.tell(store, [hosts]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  assert.equal((await mustUndo(store, agent)).remaining, 0);
});

test('two undos go back by two, and the first baseline is the end', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  for (const content of ['b', 'c']) {
    await agent.tell(store, [file('/etc/hosts', content)]);
    await agent.mustAccept(store);
  }
  assert.equal((await mustUndo(store, agent)).baseline.restoredFrom, 2);
  assert.equal((await mustUndo(store, agent)).baseline.restoredFrom, 1);
  const refused = await undo(store, agent);
  assert.ok('refused' in refused && refused.refused.code === 'not-found');
  await agent.mustAccept(store);
  assert.deepEqual(await agent.standing(store), []);
  assert.equal((await mustUndo(store, agent)).remaining, 1);
});

test('an undo that names what is over is refused', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  await agent.mustAccept(store);
  const seen = agent.manifest.digest();
  await agent.tell(store, [file('/etc/hosts', 'c')]);
  const refused = await undo(store, agent, seen);
  assert.ok('refused' in refused && refused.refused.code === 'node-moved-on');
  const unknown = await store.decide('nobody', (view) =>
    decideUndo(view, { ifMatch: null, who: 'ada', reason: null }, 1),
  );
  assert.ok('refused' in unknown && unknown.refused.code === 'node-unknown');
});
