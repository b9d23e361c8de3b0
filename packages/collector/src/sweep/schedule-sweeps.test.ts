import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { schedule } from 'node-cron';
import { pino } from 'pino';
import { waitFor } from '../../../../test/harness/wait.ts';
import { loadConfig } from '../load-config.ts';
import { openSqliteStore } from '#store/sqlite-store';
import { scheduleSweeps } from './schedule-sweeps.ts';
import { Sweeper } from './sweeper.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-schedule-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

test('13: a sweep begins in the time zone of its schedule, and later by the jitter', async (t) => {
  const timezone = 'Asia/Kathmandu'; // a quarter of an hour off every other zone
  const at = Math.ceil(Date.now() / 1000) * 1000 + 2000;
  const [hour, minute, second] = new Date(at)
    .toLocaleTimeString('en-GB', { timeZone: timezone })
    .split(':')
    .map(Number);
  const environment = {
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_SWEEP_PATH: join(dataDir, 'nowhere'),
    HOLDFAST_SWEEP_TIMEZONE: timezone,
    HOLDFAST_SWEEP_JITTER_SECONDS: '2',
  };
  const { sweep } = loadConfig({ environment, flags: {}, configFile: null });
  assert.ok(sweep?.schedule);
  // By the minute is all that an option takes, and too long for a test.
  const config = { ...sweep, schedule: { ...sweep.schedule, cron: `${second} ${minute} ${hour} * * *` } };
  t.mock.method(Math, 'random', () => 0.9);
  const log = pino({ level: 'silent' });
  await using store = await openSqliteStore({ dataDir, exclusive: false });
  await using sweeper = new Sweeper(config, {
    store: store.sweeps,
    dataDir,
    log,
    clock: Date.now,
    environment: {},
    onEnd: () => {},
  });
  using _ = scheduleSweeps(sweeper, config, log);
  const [begun] = await waitFor('the sweep', async () => {
    const sweeps = await store.sweeps.sweeps(null, 1);
    return sweeps.length > 0 ? sweeps : undefined;
  });
  assert.equal(begun!.trigger, 'schedule');
  const late = begun!.startedAt - at;
  assert.ok(late >= 1700 && late < 6000, `${late} ms late`);
});

test('13: a schedule keeps its hour when the clocks change, and leaves out an hour that there is not', (t) => {
  const next = (cron: string, now: string) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.parse(now) });
    const task = schedule(cron, () => {}, { timezone: 'Europe/Berlin' });
    const at = task.getNextRun()?.toISOString();
    void task.destroy();
    t.mock.timers.reset();
    return at;
  };
  assert.equal(next('0 6 * * *', '2026-03-27T12:00:00Z'), '2026-03-28T05:00:00.000Z');
  assert.equal(next('0 6 * * *', '2026-03-28T12:00:00Z'), '2026-03-29T04:00:00.000Z');
  assert.equal(next('0 6 * * *', '2026-10-24T12:00:00Z'), '2026-10-25T05:00:00.000Z');
  assert.equal(next('30 2 * * *', '2026-03-28T12:00:00Z'), '2026-03-30T00:30:00.000Z');
});
