import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTick } from 'node:timers/promises';
import { Turns } from './turns.ts';

describe('turns', () => {
  it('are given to so many at once, then in order of asking', async () => {
    const turns = new Turns({ atOnce: 2, maxWaiting: 10 });
    const order: string[] = [];
    const first = await turns.take();
    const second = await turns.take();
    const third = turns.take().then((turn) => (order.push('third'), turn));
    const fourth = turns.take().then((turn) => (order.push('fourth'), turn));
    await nextTick();
    assert.deepEqual(order, []);
    second![Symbol.dispose]();
    await nextTick();
    assert.deepEqual(order, ['third']);
    first![Symbol.dispose]();
    (await third)![Symbol.dispose]();
    (await fourth)![Symbol.dispose]();
    assert.deepEqual(order, ['third', 'fourth']);
  });

  it('are refused when too many wait', async () => {
    const turns = new Turns({ atOnce: 1, maxWaiting: 1 });
    const held = await turns.take();
    const waiting = turns.take();
    assert.equal(await turns.take(), null);
    held![Symbol.dispose]();
    (await waiting)![Symbol.dispose]();
  });

  it('are given back once, however often they are disposed of', async () => {
    const turns = new Turns({ atOnce: 1, maxWaiting: 0 });
    const held = await turns.take();
    held![Symbol.dispose]();
    held![Symbol.dispose]();
    assert.notEqual(await turns.take(), null);
    assert.equal(await turns.take(), null);
  });
});
