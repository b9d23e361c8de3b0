import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctorLine } from '@holdfast/shared/doctor-finding';
import { TwoEngineNode } from '#store/test-aide';
import { openTestStore, TestAgent } from '#store/test-node';
import { checkAide, maxNodesNamed } from './aide.ts';

test('nodes on which AIDE cannot be relied on are named, with why', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  await new TestAgent('without').introduce(store);
  assert.deepEqual(checkAide(await store.nodes()), []);
  await new TwoEngineNode(store, { '/etc/a': {} }, 'good').introduce();
  assert.deepEqual(
    checkAide(await store.nodes()).map(({ level }) => level),
    ['ok'],
  );
  for (let i = 0; i < maxNodesNamed + 1; i++) {
    const node = await new TwoEngineNode(store, { '/etc/a': {} }, `bad-${i}`).introduce();
    await node.runAide({ verdict: 'unknown', database: null, reason: 'AIDE warned' });
  }
  const lines = checkAide(await store.nodes()).map(doctorLine);
  assert.equal(lines.length, maxNodesNamed + 1);
  assert.match(lines[0] ?? '', /^warn {2}aide: unknown on bad-0: AIDE warned — see docs/);
  assert.match(lines.at(-1) ?? '', /on 1 more nodes/);
});
