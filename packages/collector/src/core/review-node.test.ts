import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftTag } from '#core/drift-tag';
import { decideReview, isBaselineReviewed } from '#core/review-node';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

async function stateOf(store: Store) {
  return (await store.node('n1'))!.state;
}

async function review(store: Store, agent: TestAgent, ifMatch: string | null) {
  agent.now += 1000;
  const { now } = agent;
  return store.decide('n1', (view) => decideReview(view, { ifMatch, who: 'ada', reason: 'Monday' }, now));
}

test('a review moves nothing, and makes an unreviewed baseline a reviewed one', async () => {
  await using opened = await openTestStore();
  const agent = new TestAgent('n1', [file('/etc/hosts')]);
  await agent.introduce(opened.store);
  assert.equal(isBaselineReviewed(await stateOf(opened.store)), false);
  await review(opened.store, agent, driftTag(await stateOf(opened.store)));
  const store = await opened.reopen();
  const state = await stateOf(store);
  assert.deepEqual(state.review, { at: agent.now, by: 'ada' });
  assert.deepEqual([isBaselineReviewed(state), state.baseline?.sequence], [true, 1]);
  assert.equal((await store.audit(null, 1))[0]?.action, 'review');
});

test('a review that names nothing, or what is over, is none', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [file('/etc/hosts')]);
  await agent.introduce(store);
  const tag = driftTag(await stateOf(store));
  await agent.tell(store, [file('/etc/new')]);
  for (const [ifMatch, code] of [
    [null, 'bad-request'],
    ['*', 'bad-request'],
    [tag, 'node-moved-on'],
  ] as const) {
    const decided = await review(store, agent, ifMatch);
    assert.ok('refused' in decided && decided.refused.code === code, String(ifMatch));
  }
  assert.equal((await stateOf(store)).review, null);
});

test('what was seen against a baseline is over when another one comes to have its sequence', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [file('/etc/hosts')]);
  await agent.introduce(store);
  const state = await stateOf(store);
  const other = { ...state, baseline: { ...state.baseline!, manifest: 'f'.repeat(64) } };
  assert.notEqual(driftTag(other), driftTag(state));
});

test('an acceptance that names what was seen is a review, one that does not ends what was reviewed', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [file('/etc/hosts')]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/new')]);
  await agent.mustAccept(store, { ifMatch: driftTag(await stateOf(store)) });
  const reviewedAt = agent.now;
  assert.equal(isBaselineReviewed(await stateOf(store)), true);
  // The weekly habit on a clean node: nothing moves, the review is renewed.
  const { baseline } = await agent.mustAccept(store, { ifMatch: driftTag(await stateOf(store)) });
  assert.equal(baseline.sequence, 2);
  assert.ok((await stateOf(store)).review!.at > reviewedAt);
  await agent.tell(store, [file('/etc/newer')]);
  await agent.mustAccept(store);
  const state = await stateOf(store);
  assert.equal(isBaselineReviewed(state), false);
  assert.ok(state.review !== null, 'when it last was stays known');
});
