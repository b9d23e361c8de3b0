import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCron } from './cron.ts';

test('a time at which the event loop is held up is late, and not left out', async () => {
  let runs = 0;
  const second = Math.ceil((Date.now() + 500) / 1000) % 60;
  using _ = startCron({ expression: `${second} * * * * *`, timezone: 'UTC', run: () => void (runs += 1) });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  await sleep(50);
  assert.equal(runs, 1);
});
