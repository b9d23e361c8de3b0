/**
 * An operator goes back to an earlier baseline. It comes back as a new one: history is succeeded, never edited.
 *
 * An undo goes back by one: to the baseline before the one that is in force. What a restore brought back stands where it
 * stood in the history, so that two undos go back by two. Nothing of what the node did since is touched: the whole node is
 * judged against the earlier baseline, and a drift that an acceptance had ended, and that thereby stands again, keeps its
 * number and its first-seen time.
 */
import { restoreAide } from '#core/aide-accept';
import { withFindings } from '#core/aide-record';
import { type BaselineRefusal, judgeWhole, moveEffects, recordOnly } from '#core/baseline-effects';
import { matchesDriftTag, namesWhatWasSeen } from '#core/drift-tag';
import { nodeEvent } from '#core/event-record';
import { allBuckets } from '#core/judge';
import { isSameEntry, type ManifestSide, sideOf } from '#core/manifest-edit';
import type { AuditRecord, BaselineRecord, Millis, NodeEffects, NodeState, NodeView } from '#core/node-state';

export interface Undo {
  /** The value of an `If-Match` header, or null; see drift-tag.ts. */
  readonly ifMatch: string | null;
  readonly who: string;
  readonly reason: string | null;
}

export interface Restoration extends Undo {
  /** Of the baseline to go back to. */
  readonly sequence: number;
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

export function decideUndo(view: NodeView, asked: Undo, now: Millis): RestorationDecision {
  const { state } = view;
  const refusal = state && refuseRestoration(state, asked);
  if (refusal) return { refuse: refusal };
  const inForce = state?.baseline ? standsAt(view, state.baseline) : null;
  if (inForce !== null && inForce <= 1) {
    return { refuse: { code: 'not-found', detail: `${state?.name} has no acceptance to take back` } };
  }
  return decideRestoration(view, { ...asked, sequence: (inForce ?? 1) - 1 }, now, 'undo');
}

/** The sequence at which what `baseline` holds was first accepted, as far back as baselines are kept. */
function standsAt(view: NodeView, baseline: BaselineRecord): number {
  let at = baseline;
  while (at.restoredFrom !== null) {
    const earlier = view.baseline(at.restoredFrom);
    if (!earlier) return at.restoredFrom;
    at = earlier;
  }
  return at.sequence;
}

export function decideRestoration(
  view: NodeView,
  wanted: Restoration,
  now: Millis,
  action: 'restore' | 'undo' = 'restore',
): RestorationDecision {
  const { state } = view;
  if (!state) return { refuse: { code: 'node-unknown', detail: 'no node of that name has reported' } };
  const refusal = refuseRestoration(state, wanted);
  if (refusal) return { refuse: refusal };
  const target = view.baseline(wanted.sequence);
  if (!target || !state.baseline) {
    return {
      refuse: { code: 'not-found', detail: `${state.name} has no baseline ${wanted.sequence}, or no longer` },
    };
  }
  const side = sideOf(view.manifest(target.manifest), view);
  const present = sideOf(view.manifest(state.baseline.manifest), view);
  const observed = state.observed === null ? null : sideOf(view.manifest(state.observed), view);
  const aide = restoreAide(view, state, {
    sequence: wanted.sequence,
    baseline: side,
    observed,
    now,
  });
  const isPresent = state.baseline.manifest === target.manifest && aide === null;
  const baseline = isPresent
    ? state.baseline
    : successor(state.baseline, target, countDiffering(present, side), wanted, now);
  const review = namesWhatWasSeen(wanted.ifMatch) ? { at: now, by: wanted.who } : state.review;
  const after: NodeState = { ...state, baseline, review, aide: aide?.state ?? state.aide };
  const judgement = judgeWhole(withFindings(view, aide?.findings ?? null), after, side, new Set());
  const outcome = { baseline, remaining: judgement?.standing ?? 0 };
  const audit = auditOf(action, state, wanted, outcome, now);
  if (isPresent) return { apply: recordOnly(after, [], audit), outcome };
  const event = nodeEvent(
    'baseline-restored',
    now,
    `baseline ${baseline.sequence}: ${wanted.sequence} restored by ${wanted.who}, ${outcome.remaining} drifts stand`,
  );
  const finished = { side, buckets: [] };
  const effects = moveEffects({ state: after, newBaseline: baseline, finished, event, audit }, judgement);
  const leftAt = view.baseline(wanted.sequence + 1)?.acceptedAt ?? now;
  const drift = { ...effects.drift, resumesSince: leftAt };
  const withAide = { aide: aide?.effects ?? null, commands: aide?.asks ? (['aide'] as const) : [] };
  return { apply: { ...effects, drift, ...withAide }, outcome };
}

function refuseRestoration(state: NodeState, { ifMatch }: Undo): BaselineRefusal | null {
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
  action: 'restore' | 'undo',
  state: NodeState,
  { sequence, ifMatch, who, reason }: Restoration,
  { baseline, remaining }: RestorationOutcome,
  now: Millis,
): AuditRecord {
  return {
    at: now,
    who,
    action,
    node: state.name,
    reason,
    details: {
      from: state.baseline?.manifest ?? null,
      to: baseline.manifest,
      sequence: baseline.sequence,
      restoredFrom: sequence,
      remaining,
      reviewed: namesWhatWasSeen(ifMatch),
    },
  };
}
