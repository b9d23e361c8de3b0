/** The results of a sweep that ran apart, with a stack of every outcome. */
import { outcomes } from '@holdfast/collector/sweep/core/stack-result';
import { endOf, resultOf, scopeOf } from '@holdfast/collector/sweep/test-sweep';

/** What `PUT /api/v1/sweeps/{sweep}/results` takes. */
export function pushedSweep(now = Date.now()): object {
  const planned = { startedAt: now - 50_000, durationMs: 4000 };
  const results = outcomes.map((outcome) =>
    resultOf(`stacks/${outcome}`, outcome, outcome === 'excluded' || outcome === 'unmeasured' ? {} : planned),
  );
  return {
    only: null,
    startedAt: now - 60_000,
    deadlineMs: 3_600_000,
    source: 'a tree of stacks',
    scope: scopeOf(results.length),
    end: endOf(now, { predictedMs: 45_000 }),
    results,
  };
}
