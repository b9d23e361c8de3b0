import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCron } from './cron.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const noon = Date.UTC(2026, 0, 1, 12);

/** Daily at 03:15, from noon on. `at` sets the clock and gives the runs until then, in hours after noon. */
function daily(t: TestContext): { at: (time: number) => Promise<number[]>; cron: Disposable } {
  t.mock.timers.enable({ apis: ['Date'], now: noon });
  const runs: number[] = [];
  const run = (): void => void runs.push((Date.now() - noon) / hourMs);
  const cron = startCron({ expression: '15 3 * * *', timezone: 'UTC', run, maxWaitMs: 1 });
  t.after(() => cron[Symbol.dispose]());
  const at = async (time: number): Promise<number[]> => {
    t.mock.timers.setTime(time);
    await sleep(20);
    return runs;
  };
  return { at, cron };
}

test('it runs at each of its times, and not after it was disposed of', async (t) => {
  const { at, cron } = daily(t);
  assert.deepEqual(await at(noon + 15 * hourMs), []);
  assert.deepEqual(await at(noon + 15.25 * hourMs), [15.25]);
  assert.deepEqual(await at(noon + 39 * hourMs), [15.25]);
  assert.deepEqual(await at(noon + 39.25 * hourMs), [15.25, 39.25]);
  cron[Symbol.dispose]();
  assert.equal((await at(noon + 9 * dayMs)).length, 2);
});

test('times that were slept through are made up for once', async (t) => {
  const { at } = daily(t);
  assert.deepEqual(await at(noon + 60 * hourMs), [60]);
  assert.deepEqual(await at(noon + 63 * hourMs), [60]);
  assert.deepEqual(await at(noon + 63.25 * hourMs), [60, 63.25]);
});

test('a clock that is put back by years does not put off the next time', async (t) => {
  const { at } = daily(t);
  const far = 3650 * 24;
  assert.deepEqual(await at(noon + far * hourMs), [far]);
  assert.deepEqual(await at(noon), [far]);
  assert.deepEqual(await at(noon + 15.25 * hourMs), [far, 15.25]);
});
