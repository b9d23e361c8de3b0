/** Stacks and sweeps as the API shows them. Names, actions and salted hashes only: values never come this far. */
import { foldCauses } from '#sweep/core/fold-causes';
import type { StackResult } from '#sweep/core/stack-result';
import type { StackState } from '#sweep/core/stack-state';
import type { SweepRecord } from '#store/sweep-store';
import { timestamp } from './route.ts';

export function stackAnswer(state: StackState) {
  const { measured, differs } = state;
  return {
    stack: state.stack,
    outcome: state.outcome,
    outcomeSince: timestamp(state.outcomeSince),
    phase: state.phase,
    diagnostic: state.diagnostic,
    excludedBecause: state.excludedBecause,
    cause: differs?.cause ?? null,
    driftSince: timestamp(differs?.since ?? null),
    isPerpetual: state.isPerpetual,
    errorSince: timestamp(state.errorSince),
    lastMeasuredAt: timestamp(measured?.at ?? null),
    lastMeasuredAs: measured?.outcome ?? null,
    resources: measured?.resources ?? null,
    changeCounts: measured?.changeCounts ?? {},
    hiddenChanges: measured?.hiddenChanges ?? null,
    durationMs: state.durationMs,
    sweep: state.sweep,
    sweptAt: timestamp(state.sweptAt),
  };
}

export function resultAnswer(result: StackResult) {
  return { ...result, startedAt: timestamp(result.startedAt) };
}

export function sweepAnswer({ end, scope, phase, ...start }: SweepRecord) {
  return {
    ...start,
    state: phase,
    startedAt: timestamp(start.startedAt),
    endedAt: timestamp(end?.endedAt ?? null),
    deadlineAt: timestamp(start.startedAt + start.deadlineMs),
    commit: scope?.commit ?? null,
    isDirty: scope?.isDirty ?? false,
    confirmedOn: end?.confirmedOn ?? null,
    unmatched: scope?.unmatched ?? [],
    disagreement: scope?.disagreement ?? null,
    failure: end?.failure ?? null,
    endedBy: end?.endedBy ?? null,
    predictedMs: end?.predictedMs ?? null,
    reclassified: end?.reclassified ?? 0,
    balanced: end?.balanced ?? true,
    leaked: end?.leaked ?? false,
  };
}

/** Rules that nobody needs, or that hold no longer, are told too: they hide the next drift. */
export function sweepDetails({ end }: SweepRecord, results: readonly StackResult[]) {
  return {
    rules: end?.rules ?? [],
    causes: foldCauses(results),
    results: results.map(resultAnswer),
  };
}
