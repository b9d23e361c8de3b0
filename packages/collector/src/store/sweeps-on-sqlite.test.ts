/** What sweeps of several sweepers make of the stacks, whatever order they come in. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSqliteStore } from '#store/sqlite-store';
import type { PushedSweep, SweepStore } from '#store/sweep-store';
import { standingRuns } from '#sweep/core/perpetual';
import type { Outcome } from '#sweep/core/stack-result';
import { endOf, resultOf, scopeOf } from '#sweep/test-sweep';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

async function openStore() {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-sweeps-'));
  directories.push(dataDir);
  return openSqliteStore({ dataDir });
}

const minute = 60_000;

interface Pushed {
  readonly who?: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly only?: readonly string[];
  readonly stacks: Readonly<Record<string, Outcome>>;
}

function pushed({ who = 'job', startedAt, endedAt, only, stacks }: Pushed): PushedSweep {
  // Planned within the first minute of the sweep.
  const planned = { startedAt, durationMs: minute, confirmed: false };
  const results = Object.entries(stacks).map(([stack, outcome]) => resultOf(stack, outcome, planned));
  return {
    start: {
      id: randomUUID(),
      trigger: 'push',
      who,
      reason: null,
      only: only ?? null,
      startedAt,
      deadlineMs: 60 * minute,
      source: '/infra',
    },
    scope: scopeOf(results.length),
    end: endOf(endedAt),
    results,
    digest: randomUUID(),
    receivedAt: 1000 * minute,
  };
}

async function known(store: SweepStore): Promise<Record<string, Outcome>> {
  return Object.fromEntries((await store.stacks()).map(({ stack, outcome }) => [stack, outcome]));
}

test('two sweeps that cross leave what was planned last, and the same one twice leaves what it left once', async () => {
  await using opened = await openStore();
  const store = opened.sweeps;
  const long = pushed({ startedAt: 10 * minute, endedAt: 40 * minute, stacks: { a: 'clean', b: 'clean' } });
  const short = pushed({
    startedAt: 30 * minute,
    endedAt: 35 * minute,
    only: ['a'],
    stacks: { a: 'pending' },
  });
  await store.take(short);
  await store.take(long);
  assert.deepEqual(await known(store), { a: 'pending', b: 'clean' });
  assert.equal((await store.take(long)).kind, 'repeated');
  assert.equal((await store.take({ ...long, digest: 'other' })).kind, 'conflict');
  assert.equal((await store.lastWhole())?.id, long.start.id, 'a sweep of some is not the fleet');
  const stale = pushed({ startedAt: minute, endedAt: 5 * minute, stacks: { a: 'clean', b: 'clean' } });
  await store.take(stale);
  assert.deepEqual(await known(store), { a: 'pending', b: 'clean' });
  assert.equal((await store.lastWhole())?.id, long.start.id, 'nor is an older one that comes late');
});

test('a whole sweep forgets what its own sweeper knew and finds no more, and nothing of another one', async () => {
  await using opened = await openStore();
  const store = opened.sweeps;
  await store.take(pushed({ startedAt: 0, endedAt: 2 * minute, stacks: { a: 'pending', b: 'clean' } }));
  const other = { startedAt: 3 * minute, endedAt: 4 * minute, stacks: { x: 'clean' } } as const;
  await store.take(pushed({ ...other, who: 'job of another repository' }));
  assert.deepEqual(await known(store), { a: 'pending', b: 'clean', x: 'clean' });
  await store.take(pushed({ startedAt: 5 * minute, endedAt: 6 * minute, stacks: { b: 'clean' } }));
  assert.deepEqual(await known(store), { b: 'clean', x: 'clean' });
});

test('what is perpetual stays so, however long it stands', async () => {
  await using opened = await openStore();
  const store = opened.sweeps;
  const marks: boolean[] = [];
  for (let i = 0; i < 4 * standingRuns; i++) {
    const at = i * 10 * minute;
    await store.take(pushed({ startedAt: at, endedAt: at + minute, stacks: { a: 'pending' } }));
    marks.push((await store.stack('a'))!.isPerpetual);
  }
  assert.equal(marks.indexOf(true), standingRuns - 1);
  assert.equal(marks.lastIndexOf(false), standingRuns - 2);
});
