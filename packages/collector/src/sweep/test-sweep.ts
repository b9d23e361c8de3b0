/** How sweeps and stacks end, for tests: each with what belongs to its outcome. */
import type { SweepEnd, SweepScope } from '#store/sweep-store';
import { causeOf, isMeasured, type Outcome, type StackResult } from '#sweep/core/stack-result';

const fingerprint = 'a'.repeat(32);

export function resultOf(stack: string, outcome: Outcome, more: Partial<StackResult> = {}): StackResult {
  const cause = causeOf(outcome);
  const isPlanned = outcome !== 'excluded' && outcome !== 'unmeasured';
  const isWell = isMeasured(outcome) || outcome === 'excluded';
  const change: Omit<StackResult['changes'][number], 'cause'> = {
    address: 'terraform_data.x',
    type: 'terraform_data',
    module: '',
    action: 'update',
    outside: cause === 'drift' ? 'update' : null,
    attributes: ['input'],
    fingerprint,
    hidden: false,
    unsettled: false,
  };
  return {
    stack,
    outcome,
    phase: outcome === 'error' ? 'config' : null,
    diagnostic: isWell ? null : 'it did not go well',
    changes: cause === null ? [] : [{ ...change, cause }],
    changeCounts: cause === null ? {} : { update: 1 },
    hiddenChanges: 0,
    resources: isMeasured(outcome) ? 1 : null,
    fingerprint: cause === null ? null : fingerprint,
    excludedBecause: outcome === 'excluded' ? 'applied by hand' : null,
    ignored: [],
    startedAt: isPlanned ? 1000 : null,
    durationMs: isPlanned ? 1000 : null,
    confirmed: cause !== null,
    reclassified: false,
    ...more,
  };
}

export function scopeOf(discovered: number, more: Partial<SweepScope> = {}): SweepScope {
  return { discovered, commit: null, isDirty: false, disagreement: null, ...more };
}

export function endOf(endedAt: number, more: Partial<SweepEnd> = {}): SweepEnd {
  return {
    endedAt,
    phase: 'finished',
    failure: null,
    endedBy: null,
    confirmedOn: null,
    predictedMs: null,
    reclassified: 0,
    rules: [],
    balanced: true,
    leaked: false,
    ...more,
  };
}
