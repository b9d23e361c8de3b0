/** The results of a sweep that ran apart, with a stack of every outcome. */
import { causeOf, isMeasured, outcomes, type StackResult } from '@holdfast/collector/sweep/core/stack-result';

/** What `PUT /api/v1/sweeps/{sweep}/results` takes. */
export function pushedSweep(now = Date.now()): object {
  const results = outcomes.map((outcome): StackResult => {
    const cause = causeOf(outcome);
    const isError = outcome === 'error' || outcome === 'timeout';
    return {
      stack: `stacks/${outcome}`,
      outcome,
      phase: outcome === 'error' ? 'config' : null,
      diagnostic: isError || outcome === 'unmeasured' ? 'it did not go well' : null,
      changes:
        cause === null
          ? []
          : [
              {
                address: 'terraform_data.x',
                type: 'terraform_data',
                module: '',
                action: 'update',
                outside: cause === 'drift' ? 'update' : null,
                cause,
                attributes: ['input'],
                fingerprint: '0'.repeat(32),
                hidden: false,
                unsettled: false,
              },
            ],
      changeCounts: cause === null ? {} : { update: 1 },
      hiddenChanges: 0,
      resources: isMeasured(outcome) ? 1 : null,
      fingerprint: cause === null ? null : '0'.repeat(32),
      excludedBecause: outcome === 'excluded' ? 'applied by hand' : null,
      ignored: [],
      startedAt: outcome === 'excluded' || outcome === 'unmeasured' ? null : now - 50_000,
      durationMs: outcome === 'excluded' || outcome === 'unmeasured' ? null : 4000,
      confirmed: cause !== null,
      reclassified: false,
    };
  });
  return {
    only: null,
    startedAt: now - 60_000,
    deadlineMs: 3_600_000,
    source: 'a tree of stacks',
    scope: { discovered: results.length, commit: null, isDirty: false, disagreement: null },
    end: {
      endedAt: now,
      phase: 'finished',
      failure: null,
      endedBy: null,
      confirmedOn: null,
      predictedMs: 45_000,
      reclassified: 0,
      rules: [],
      balanced: true,
      leaked: false,
    },
    results,
  };
}
