import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxRetiredInstances, returnWindowMs, type Speaker, takeOver } from '#core/instances';
import { decideReadmission } from '#core/node-lifecycle';
import { file, hex32, openTestStore, TestAgent } from '#store/test-node';

const alone = (instance: string): Speaker => ({ instance, retired: [], refusedInstance: null });

function play(instances: string, everyMs = 1000): Speaker {
  let speaker = alone(instances[0]!);
  for (const [i, instance] of instances.split('').entries()) {
    if (instance !== speaker.instance) speaker = takeOver(speaker, instance, i * everyMs);
  }
  return speaker;
}

test('restarts are no conflict, however many, and only so many are remembered', () => {
  const speaker = play('abcdefghijklmnopqrstuvwxyz');
  assert.equal(speaker.instance, 'z');
  assert.equal(speaker.refusedInstance, null);
  assert.equal(speaker.retired.length, maxRetiredInstances);
  assert.equal(speaker.retired[0]?.instance, 'y');
});

test('one late packet of a dead process is no conflict', () => {
  assert.equal(play('aabab').refusedInstance, null);
  assert.equal(play('aababbbbb').instance, 'b');
});

test('at the second return of the older instance the newer one is refused', () => {
  const speaker = play('ababa');
  assert.equal(speaker.instance, 'a');
  assert.equal(speaker.refusedInstance, 'b');
});

test('returns that lie far apart are not one conflict', () => {
  assert.equal(play('ababa', returnWindowMs).refusedInstance, null);
});

test('an agent that restarts all the time beside a steady one is a conflict too', () => {
  const speaker = play('abaca');
  assert.equal(speaker.instance, 'a');
  assert.equal(speaker.refusedInstance, 'c');
});

test('two agents as one node: the later one is refused, with an event, until an operator readmits', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const older = new TestAgent('n1', [file('/etc/hosts')]);
  const newer = new TestAgent('n1', [file('/etc/hosts', 'b')]);
  newer.instance = hex32('2');
  await older.introduce(store);
  const base = () => store.node('n1').then((node) => node?.state.observed ?? null);
  for (const agent of [newer, older, newer, older]) await agent.send(store, agent.whole(await base()));
  const refused = await newer.send(store, newer.whole(await base()));
  assert.ok('refused' in refused && refused.refused.code === 'instance-conflict');
  assert.ok((await older.history(store)).includes('instance-conflict'));
  assert.equal((await store.node('n1'))?.state.observed, older.manifest.digest());
  await older.tell(store);
  await store.decide('n1', (view) => decideReadmission(view, { who: 'ada', reason: null }, 7));
  const heard = await newer.send(store, newer.whole(await base()));
  assert.ok('outcome' in heard);
});
