import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SweepRecord } from '#store/sweep-store';
import { type Outcome, outcomes } from '#sweep/core/stack-result';
import type { StackNews } from '#sweep/core/stack-news';
import { endOf } from '#sweep/test-sweep';
import { sweepMessage } from './sweep-message.ts';

const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>;

function sweep(end: Partial<NonNullable<SweepRecord['end']>> = {}): SweepRecord {
  return {
    id: 'x',
    trigger: 'schedule',
    who: 'system',
    reason: null,
    only: null,
    startedAt: 0,
    deadlineMs: 1,
    source: 's',
    scope: null,
    phase: end.phase ?? 'finished',
    discovered: 3,
    counts: { ...counts, clean: 1, drift: 2 },
    end: endOf(1, end),
  };
}

const differs = (stack: string): StackNews => ({ kind: 'differs', stack, cause: 'drift', was: null });
const nobody = () => undefined;
const ran = { ranBefore: true, isBrief: false };

test('without news nothing is told, and of a sweep that fails again neither', () => {
  const failure = { phase: 'checkout', diagnostic: 'git: <gone>' } as const;
  assert.equal(sweepMessage(sweep(), [], nobody, ran), null);
  assert.equal(
    sweepMessage(sweep({ phase: 'failed', failure }), [], nobody, { ...ran, ranBefore: false }),
    null,
  );
  const first = sweepMessage(sweep({ phase: 'failed', failure }), [], nobody, ran);
  assert.match(first!.text, /nothing was planned: checkout: git: &lt;gone&gt;/);
});

test('it names what got worse and what recovered, apart, with the sums', () => {
  const message = sweepMessage(
    sweep({ endedBy: 'deadline' }),
    [
      differs('stacks/a'),
      { kind: 'fails', stack: 'stacks/b', outcome: 'timeout' },
      { kind: 'gone', stack: 'stacks/e', was: 'drift' },
      { kind: 'settled', stack: 'stacks/c', was: 'pending' },
      { kind: 'measured-again', stack: 'stacks/d' },
    ],
    nobody,
    ran,
  )!;
  assert.deepEqual(message.text.split('\n'), [
    '*Holdfast sweep*: 3 worse, 2 recovered (3 stacks: 1 clean, 2 drift)',
    ':warning: not all stacks were planned: ended by deadline',
    ':red_circle: `stacks/a`: drift',
    ':red_circle: `stacks/b`: timeout',
    ':red_circle: `stacks/e`: not found any more (was drift)',
    ':white_check_mark: `stacks/c`: clean again (was pending)',
    ':white_check_mark: `stacks/d`: can be planned again',
  ]);
  const { worse, recovered } = message.details as { worse: unknown[]; recovered: unknown[] };
  assert.deepEqual([worse.length, recovered.length], [3, 2]);
});

test('a long list is folded in the text, and whole in the details', () => {
  const news = Array.from({ length: 79 }, (_, i) => differs(`stacks/s${i}`));
  const message = sweepMessage(sweep(), news, nobody, ran)!;
  const lines = message.text.split('\n');
  assert.equal(lines.at(-1), '… and 64 more');
  assert.equal(lines.length, 17);
  assert.equal((message.details as { worse: unknown[] }).worse.length, 79);
});
