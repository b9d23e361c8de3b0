import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileScope } from '@holdfast/shared/scope';
import { ObservedTree } from '#core/observed-tree';
import { ChangeFeed } from './change-feed.ts';
import { differencesPerStep, Recorder } from './recorder.ts';
import { newVisit } from './visit.ts';

const scope = compileScope({ version: 1, paths: [{ path: '/tree' }] });
const files = 20 * differencesPerStep;

function recorderOfManyFiles(): Recorder {
  const recorder = new Recorder(scope, new ObservedTree(scope.digest), new ChangeFeed(() => 0));
  recorder.tree.observe({ path: '/tree/many', type: 'directory' }, null, 1);
  for (let i = 0; i < files; i++) {
    recorder.tree.observe({ path: `/tree/many/${i}`, type: 'file' }, null, recorder.nextSequence() + 1);
  }
  return recorder;
}

test('a directory of many files is removed a step at a time, itself last', () => {
  const recorder = recorderOfManyFiles();
  const { tree } = recorder;
  const visit = newVisit('metadata');
  recorder.remove('/tree/many', visit);
  let left = tree.manifest.size;
  assert.equal(left, files + 1 - differencesPerStep);
  for (const _ of recorder.finishRest()) {
    assert.ok(left - tree.manifest.size <= differencesPerStep);
    assert.ok(tree.has('/tree/many'));
    left = tree.manifest.size;
  }
  assert.equal(recorder.hasRest, false);
  assert.equal(tree.manifest.size, 0);
  assert.equal(visit.changed, files + 1);
});

test('what is seen anew while a removal is under way stays', () => {
  const recorder = recorderOfManyFiles();
  const { tree } = recorder;
  recorder.remove('/tree/many', newVisit('metadata'));
  const last = `/tree/many/${files - 1}`;
  tree.observe({ path: last, type: 'file', uid: 7 }, null, files + 20);
  assert.equal([...recorder.finishRest()].length > 0, true);
  assert.deepEqual([...tree.manifest.entries()], [{ path: last, type: 'file', uid: 7 }]);
});

test('a directory of many files that cannot be listed is marked a step at a time', () => {
  const recorder = recorderOfManyFiles();
  const { manifest } = recorder.tree;
  recorder.markStale('/tree/many', newVisit('metadata'));
  const marked = (): number => [...manifest.entries()].filter(({ unread }) => unread === 'stale').length;
  assert.equal(marked(), 1 + differencesPerStep);
  for (const _ of recorder.finishRest());
  assert.equal(marked(), files + 1);
});
