/** An operator goes back to an earlier baseline. It comes back as a new one: history is succeeded, never edited. */
import { type BaselineRefusal, judgeWhole, moveEffects, recordOnly } from '#core/baseline-effects';
import { matchesDriftTag, namesWhatWasSeen } from '#core/drift-tag';
import { nodeEvent } from '#core/event-record';
import { allBuckets } from '#core/judge';
import { isSameEntry, type ManifestSide, sideOf } from '#core/manifest-edit';
import type { AuditRecord, BaselineRecord, Millis, NodeEffects, NodeState, NodeView } from '#core/node-state';

export interface Restoration {
  /** Of the baseline to go back to. */
  readonly sequence: number;
  /** The value of an `If-Match` header, or null; see drift-tag.ts. */
  readonly ifMatch: string | null;
  readonly who: string;
  readonly reason: string | null;
}

export interface RestorationOutcome {
  /** The present one, where that holds the same already. */
  readonly baseline: BaselineRecord;
  /** Drifts that stand against it. */
  readonly remaining: number;
}

export type RestorationDecision =
  | { readonly refuse: BaselineRefusal }
  | { readonly apply: NodeEffects; readonly outcome: RestorationOutcome };

export function decideRestoration(view: NodeView, wanted: Restoration, now: Millis): RestorationDecision {
  const { state } = view;
  if (!state) return { refuse: { code: 'node-unknown', detail: 'no node of that name has reported' } };
  const refusal = refuseRestoration(state, wanted);
  if (refusal) return { refuse: refusal };
  const target = view.baseline(wanted.sequence);
  if (!target || !state.baseline) {
    return { refuse: { code: 'not-found', detail: `${state.name} has no baseline ${wanted.sequence}` } };
  }
  const side = sideOf(view.manifest(target.manifest), view);
  const present = sideOf(view.manifest(state.baseline.manifest), view);
  const isPresent = state.baseline.manifest === target.manifest;
  const baseline = isPresent
    ? state.baseline
    : successor(state.baseline, target, countDiffering(present, side), wanted, now);
  const after: NodeState = { ...state, baseline };
  const judgement = judgeWhole(view, after, side, new Set());
  const outcome = { baseline, remaining: judgement?.standing ?? 0 };
  const audit = auditOf(state, wanted, outcome, now);
  if (isPresent) return { apply: recordOnly(after, [], audit), outcome };
  const event = nodeEvent(
    'baseline-restored',
    now,
    `baseline ${baseline.sequence}: ${wanted.sequence} restored by ${wanted.who}, ${outcome.remaining} drifts stand`,
  );
  const finished = { side, buckets: [] };
  return {
    apply: moveEffects({ state: after, newBaseline: baseline, finished, event, audit }, judgement),
    outcome,
  };
}

function refuseRestoration(state: NodeState, { ifMatch }: Restoration): BaselineRefusal | null {
  if (state.deletedAt !== null) return { code: 'node-deleted', detail: `${state.name} was deleted` };
  if (ifMatch !== null && !matchesDriftTag(ifMatch, state)) {
    return { code: 'node-moved-on', detail: `${state.name} is no longer what If-Match names; look again` };
  }
  return null;
}

/** What was reviewed once stays reviewed when it comes back. */
function successor(
  present: BaselineRecord,
  target: BaselineRecord,
  paths: number,
  { ifMatch, who, reason }: Restoration,
  now: Millis,
): BaselineRecord {
  return {
    sequence: present.sequence + 1,
    manifest: target.manifest,
    acceptedAt: now,
    acceptedBy: who,
    reason,
    reviewed: target.reviewed || namesWhatWasSeen(ifMatch),
    paths,
    restoredFrom: target.sequence,
  };
}

function countDiffering(a: ManifestSide, b: ManifestSide): number {
  let differing = 0;
  for (const index of allBuckets) {
    if (a.record.bucketDigests[index] === b.record.bucketDigests[index]) continue;
    const [before, after] = [a.entries(index), b.entries(index)];
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      if (!isSameEntry(before.get(path), after.get(path))) differing += 1;
    }
  }
  return differing;
}

function auditOf(
  state: NodeState,
  { sequence, who, reason }: Restoration,
  { baseline, remaining }: RestorationOutcome,
  now: Millis,
): AuditRecord {
  return {
    at: now,
    who,
    action: 'restore',
    node: state.name,
    reason,
    details: {
      from: state.baseline?.manifest ?? null,
      to: baseline.manifest,
      sequence: baseline.sequence,
      restoredFrom: sequence,
      remaining,
    },
  };
}
