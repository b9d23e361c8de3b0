import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxSettles, SettleQueue } from './settle-queue.ts';

test('a path is due when it has been quiet for the settle time', () => {
  const queue = new SettleQueue(250);
  assert.equal(queue.msUntilDue(0), null);
  queue.add('/a', 0);
  queue.add('/a', 200);
  assert.equal(queue.msUntilDue(200), 250);
  assert.deepEqual(queue.take(449), { kind: 'paths', paths: [] });
  assert.deepEqual(queue.take(450), { kind: 'paths', paths: ['/a'] });
  assert.equal(queue.msUntilDue(450), null);
});

test('a path that never rests is due after ten settle times', () => {
  const queue = new SettleQueue(100);
  for (let now = 0; now < 100 * maxSettles; now += 10) {
    queue.add('/log', now);
    assert.deepEqual(queue.take(now), { kind: 'paths', paths: [] });
  }
  assert.deepEqual(queue.take(100 * maxSettles), { kind: 'paths', paths: ['/log'] });
});

test('one busy path does not hold up another', () => {
  const queue = new SettleQueue(100);
  queue.add('/busy', 0);
  queue.add('/quiet', 0);
  queue.add('/busy', 90);
  assert.deepEqual(queue.take(100), { kind: 'paths', paths: ['/quiet'] });
});

test('beyond its limit it gives up the names and asks for one look at everything', () => {
  const queue = new SettleQueue(100, 3);
  for (let i = 0; i < 50; i++) queue.add(`/${i}`, i);
  assert.equal(queue.size, 0);
  assert.deepEqual(queue.take(100), { kind: 'paths', paths: [] });
  assert.equal(queue.msUntilDue(100), 49);
  assert.deepEqual(queue.take(149), { kind: 'everything' });
  assert.equal(queue.msUntilDue(149), null);
  queue.add('/later', 150);
  assert.deepEqual(queue.take(250), { kind: 'paths', paths: ['/later'] });
});
