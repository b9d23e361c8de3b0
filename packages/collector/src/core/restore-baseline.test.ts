import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRestoration, type Restoration } from '#core/restore-baseline';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');

function restore(store: Store, wanted: Partial<Restoration>, now = 9_000_000) {
  const restoration: Restoration = { sequence: 1, ifMatch: null, who: 'ada', reason: null, ...wanted };
  return store.decide('n1', (view) => decideRestoration(view, restoration, now));
}

test('an earlier baseline comes back as a new one, and the node is judged against it', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const first = agent.manifest.digest();
  await agent.tell(store, [file('/etc/hosts', 'b'), file('/etc/new')]);
  const firstSeenAt = agent.now;
  await agent.mustAccept(store);
  await agent.tell(store, [], ['/etc/new']);
  assert.deepEqual(await agent.standing(store), ['removed /etc/new']);
  const answer = await restore(store, { sequence: 1, reason: 'mistake' });
  assert.ok('outcome' in answer);
  assert.equal(answer.outcome.remaining, 1);
  const { sequence, manifest, restoredFrom, paths } = answer.outcome.baseline;
  assert.deepEqual([sequence, manifest, restoredFrom, paths], [3, first, 1, 2]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  assert.equal((await store.standingDrift('n1'))[0]?.firstSeenAt, firstSeenAt);
  assert.equal((await agent.history(store)).at(-1), 'baseline-restored');
  assert.equal((await store.audit(null, 1))[0]?.action, 'restore');
  await agent.tell(store, [hosts]);
  assert.deepEqual(await agent.standing(store), []);
});

test('restoring what is the baseline already makes no new one', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const answer = await restore(store, { sequence: 1 });
  assert.ok('outcome' in answer && answer.outcome.baseline.sequence === 1);
  assert.equal((await store.baselines('n1')).length, 1);
});

test('a restoration that cannot be is refused with the reason', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const code = async (wanted: Partial<Restoration>) => {
    const answer = await restore(store, wanted);
    return 'refused' in answer ? answer.refused.code : 'restored';
  };
  assert.equal(await code({}), 'node-unknown');
  await agent.introduce(store);
  assert.equal(await code({ sequence: 7 }), 'not-found');
  assert.equal(await code({ ifMatch: '"other"' }), 'node-moved-on');
});
