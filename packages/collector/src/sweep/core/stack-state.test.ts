import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Outcome, outcomes, type StackResult } from '#sweep/core/stack-result';
import { knowAll, stackNews } from '#sweep/core/stack-news';
import { resultOf } from '#sweep/test-sweep';
import { nextStackState, type StackState } from '#sweep/core/stack-state';

/** When it was planned counts only where a test says so. */
const untimed = (outcome: Outcome): StackResult =>
  resultOf('stacks/a', outcome, { startedAt: null, durationMs: null });

/** Sweeps that end at 1000, 2000, …; `r` marks one whose result is told again late. */
function afterSweeps(...sequence: (Outcome | StackResult)[]): { states: StackState[]; news: string[][] } {
  const states: StackState[] = [];
  const news: string[][] = [];
  for (const [i, each] of sequence.entries()) {
    const result = typeof each === 'string' ? untimed(each) : each;
    const before = states.at(-1) ?? null;
    const after = nextStackState(before, result, {
      sweep: `s${i}`,
      sweptAt: (i + 1) * 1000,
      now: (i + 1) * 1000,
      isPerpetual: false,
    });
    states.push(after);
    const { stacks: known } = knowAll(before === null ? [] : [before], false);
    news.push(stackNews(known, [after]).map((one) => one.kind));
  }
  return { states, news };
}

const last = (...sequence: (Outcome | StackResult)[]) => afterSweeps(...sequence).states.at(-1)!;

describe('what is remembered of a stack', () => {
  it('keeps what was measured last, and since when, through error, timeout and unmeasured', () => {
    for (const outcome of ['error', 'timeout', 'unmeasured'] as const) {
      const state = last('clean', 'drift', 'drift', outcome);
      assert.deepEqual(state.differs, { cause: 'drift', since: 2000 });
      assert.equal(state.measured?.outcome, 'drift');
      assert.equal(state.measured?.at, 3000);
      assert.deepEqual(last('clean', outcome).differs, null);
      assert.equal(last(outcome).measured, null);
    }
  });

  it('keeps since when for each cause, and begins anew with another cause', () => {
    assert.deepEqual(last('drift', 'pending', 'pending').differs, { cause: 'pending', since: 2000 });
    assert.deepEqual(last('drift', 'error', 'drift').differs, { cause: 'drift', since: 1000 });
    assert.deepEqual(last('drift', 'clean', 'drift').differs, { cause: 'drift', since: 3000 });
    assert.equal(last('drift', 'excluded').differs, null);
    assert.equal(last('drift', 'excluded').measured, null);
  });

  it('counts an error from its first sweep to the next measurement, and unmeasured ends none', () => {
    assert.equal(last('clean', 'error', 'unmeasured', 'timeout').errorSince, 2000);
    assert.equal(last('error', 'drift').errorSince, null);
    assert.equal(last('unmeasured').errorSince, null);
    assert.equal(last('error', 'excluded').errorSince, null);
  });

  it('remembers how long a plan takes, not how soon it failed', () => {
    const took = (outcome: Outcome, durationMs: number) =>
      resultOf('stacks/a', outcome, { startedAt: 0, durationMs });
    assert.equal(last(took('clean', 100), took('error', 1)).rememberedMs, 100);
    assert.equal(last(took('clean', 100), took('drift', 200)).rememberedMs, 130);
    assert.equal(last(took('clean', 100), took('timeout', 1000)).rememberedMs, 370);
    assert.equal(last('unmeasured').rememberedMs, null);
  });

  it('is not changed by a result that comes late', () => {
    const known = last('drift', 'clean');
    const told = (result: StackResult, sweptAt: number, now: number) =>
      nextStackState(known, result, { sweep: 'x', sweptAt, now, isPerpetual: false });
    assert.equal(told(untimed('drift'), 1500, 2500), known);
    const planned = (at: number) => resultOf('stacks/a', 'drift', { startedAt: at, durationMs: 0 });
    assert.equal(told(planned(1900), 2500, 2500), known, 'its sweep ended later, and planned it earlier');
    assert.equal(told(planned(2100), 2500, 2500).outcome, 'drift');
    assert.equal(told(untimed('unmeasured'), 2500, 2500).outcome, 'unmeasured');
    // What is known claims to be of 2000, and it is 1600: a clock was wrong, and must not freeze what is told.
    assert.equal(told(planned(1500), 1600, 1600).outcome, 'drift');
  });
});

describe('news', () => {
  it('tells of what got worse and of what recovered, and of nothing else', () => {
    const told = (...sequence: Outcome[]) => afterSweeps(...sequence).news.at(-1);
    assert.deepEqual(told('drift'), ['differs']);
    assert.deepEqual(told('clean', 'pending'), ['differs']);
    assert.deepEqual(told('pending', 'drift'), ['differs']);
    assert.deepEqual(told('drift', 'pending'), []);
    assert.deepEqual(told('drift', 'drift'), []);
    assert.deepEqual(told('drift', 'clean'), ['settled']);
    assert.deepEqual(told('clean', 'error'), ['fails']);
    assert.deepEqual(told('error', 'timeout'), []);
    assert.deepEqual(told('error', 'unmeasured', 'error'), []);
    assert.deepEqual(told('error', 'clean'), ['measured-again']);
    assert.deepEqual(told('error', 'drift'), ['differs', 'measured-again']);
    assert.deepEqual(told('drift', 'error', 'drift'), ['measured-again']);
    assert.deepEqual(told('drift', 'error', 'clean'), ['settled', 'measured-again']);
    for (const outcome of outcomes) assert.deepEqual(told(outcome, outcome), [], outcome);
    for (const outcome of ['clean', 'unmeasured', 'excluded'] as const) assert.deepEqual(told(outcome), []);
  });
});
