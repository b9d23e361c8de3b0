/**
 * An operator accepts what a node observes as its new baseline: all of it, or the paths that they select. Rules:
 * 1. The caller may name what it looked at; if the node has moved on since, nothing is accepted.
 * 2. What the baseline then holds of an accepted path is said in shared/acceptance.
 * 3. All: the baseline moves to the observed scope, and a reimaged node is no longer marked. By paths: it keeps its own.
 * 4. Where nothing differs, accepting all still changes who answers for the baseline, if nobody did, or whether it
 *    was reviewed, if it was not.
 */
import { compareEntries } from '@holdfast/shared/compare';
import { takenOver } from '@holdfast/shared/acceptance';
import { type AcceptedAide, acceptAide } from '#core/aide-accept';
import { withFindings } from '#core/aide-record';
import { type BaselineRefusal, judgeWhole, moveEffects, recordOnly } from '#core/baseline-effects';
import { matchesDriftTag, namesWhatWasSeen } from '#core/drift-tag';
import { nodeEvent } from '#core/event-record';
import { allBuckets, visibilityBetween } from '#core/judge';
import { takeWhole } from '#core/take-whole';
import { type FinishedEdit, isSameEntry, ManifestEdit, type ManifestSide, sideOf } from '#core/manifest-edit';
import {
  type AuditRecord,
  type BaselineRecord,
  type Millis,
  type NodeEffects,
  type NodeState,
  type NodeView,
  systemActor,
} from '#core/node-state';
import {
  compileSelection,
  type DriftSelection,
  type Selects,
  selectsEverything,
  unlessTooCostly,
} from '#core/select-drift';

/** Of one acceptance, in its record. */
const auditedPaths = { count: 20, characters: 4000 } as const;

export interface Acceptance extends DriftSelection {
  /** Of which this is one node's part, if of any; kept in the audit. */
  readonly job?: number;
  /** Which expected the changes, where nobody but the configuration of a window accepts; kept in the audit. */
  readonly window?: number;
  /** The value of an `If-Match` header: a drift tag or an observed digest. */
  readonly ifMatch: string | null;
  readonly who: string;
  readonly reason: string | null;
}

export interface AcceptanceOutcome {
  /** Drifting and unknown paths that were taken over; for a first baseline, all its entries. */
  readonly accepted: number;
  /** Drifts that still stand. */
  readonly remaining: number;
  /** Paths that are still unknown. */
  readonly unknown: number;
  readonly baseline: BaselineRecord;
}

export type AcceptanceDecision =
  | { readonly refuse: BaselineRefusal }
  | { readonly apply: NodeEffects; readonly outcome: AcceptanceOutcome };

type ObservedState = NodeState & { readonly observed: string };

export function decideAcceptance(view: NodeView, acceptance: Acceptance, now: Millis): AcceptanceDecision {
  return unlessTooCostly(() => decide(view, acceptance, now));
}

function decide(view: NodeView, acceptance: Acceptance, now: Millis): AcceptanceDecision {
  const selects = compileSelection(view, acceptance);
  if (typeof selects !== 'function') return { refuse: selects };
  return acceptSelected(view, acceptance, selectsEverything(acceptance) ? null : selects, now);
}

/** As {@link decideAcceptance}, of the paths that `selects`; null: all. `coversDrift`: those are all that drift. */
export function acceptSelected(
  view: NodeView,
  acceptance: Acceptance,
  selects: Selects | null,
  now: Millis,
  coversDrift = false,
): AcceptanceDecision {
  const admitted = admit(view.state, acceptance);
  if ('code' in admitted) return { refuse: admitted };
  const whole = selects === null || coversDrift ? takeWhole(view, admitted, selects === null) : null;
  const isAll = selects === null;
  const taken = whole ?? takeOverPaths(view, admitted, selects);
  const { finished } = taken;
  const manifest = finished.side.record.digest;
  const aide = acceptAide(view, admitted, {
    isAll,
    selects: selects ?? (() => true),
    changed: taken.changed,
    baseline: finished.side,
    now,
  });
  const tookOver = new Set([...taken.tookOver, ...(aide?.accepted ?? [])]);
  const accepted = taken.accepted + tookOver.size - taken.tookOver.size;
  const newBaseline = succeed(admitted.baseline, { manifest, aide }, accepted, acceptance, now);
  const baseline = newBaseline ?? admitted.baseline;
  if (!baseline) throw new Error('an acceptance left the node without a baseline');
  const state: NodeState = {
    ...admitted,
    baseline,
    pendingBecause: null,
    reimagedAt: isAll ? null : admitted.reimagedAt,
    review: namesWhatWasSeen(acceptance.ifMatch) ? { at: now, by: acceptance.who } : admitted.review,
    aide: aide?.state ?? null,
  };
  const judgement =
    whole?.judgement ??
    judgeWhole(withFindings(view, aide?.findings ?? null), state, finished.side, tookOver);
  const outcome: AcceptanceOutcome = {
    accepted,
    remaining: judgement?.standing ?? 0,
    unknown: judgement?.unknown ?? 0,
    baseline,
  };
  const audit = auditOf(admitted, acceptance, outcome, tookOver, now);
  const withAide = { aide: aide?.effects ?? null, commands: aide?.asks ? (['aide'] as const) : [] };
  if (!newBaseline) return { apply: { ...recordOnly(state, [], audit), ...withAide }, outcome };
  const event = nodeEvent(
    'baseline-accepted',
    now,
    `baseline ${baseline.sequence}: ${accepted} accepted by ${acceptance.who}, ${outcome.remaining} remain`,
  );
  const effects = moveEffects({ state, newBaseline, finished, event, audit }, judgement);
  return { apply: { ...effects, ...withAide }, outcome };
}

function admit(state: NodeState | null, acceptance: Acceptance): ObservedState | BaselineRefusal {
  if (!state) return { code: 'node-unknown', detail: 'no node of that name has reported' };
  const { name, observed } = state;
  const { ifMatch } = acceptance;
  if (state.deletedAt !== null) return { code: 'node-deleted', detail: `${name} was deleted` };
  if (observed === null)
    return { code: 'nothing-observed', detail: `${name} has not reported a manifest yet` };
  if (ifMatch !== null && !matchesDriftTag(ifMatch, state)) {
    return { code: 'node-moved-on', detail: `${name} is no longer what If-Match names; look again` };
  }
  if (!selectsEverything(acceptance) && !state.baseline) {
    return { code: 'bad-request', detail: `${name} has no baseline yet: accept all of it first` };
  }
  return { ...state, observed };
}

interface Taken {
  readonly finished: FinishedEdit;
  readonly tookOver: ReadonlySet<string>;
  readonly accepted: number;
  /** All paths whose entry in the baseline is another one now. */
  readonly changed: readonly string[];
}

/** `selects` null: all. */
function takeOverPaths(view: NodeView, state: ObservedState, selects: Selects | null): Taken {
  const observed = sideOf(view.manifest(state.observed), view);
  const { scopeDigest, entries } = observed.record;
  if (!state.baseline) {
    const edit = new ManifestEdit(observed.record, view);
    return { finished: edit.finish(scopeDigest), tookOver: new Set(), accepted: entries, changed: [] };
  }
  const baseline = sideOf(view.manifest(state.baseline.manifest), view);
  const edit = new ManifestEdit(baseline.record, view);
  const tookOver = takeOver(edit, view, baseline, observed, state, selects);
  const finished = edit.finish(selects === null ? scopeDigest : baseline.record.scopeDigest);
  const changed = Array.from(edit.changes(), ({ path }) => path);
  return { finished, tookOver, accepted: tookOver.size, changed };
}

/** Returns the paths that drifted or were unknown, and that the edit changes. */
function takeOver(
  edit: ManifestEdit,
  view: NodeView,
  baseline: ManifestSide,
  observed: ManifestSide,
  { blindSpots }: NodeState,
  selects: Selects | null,
): Set<string> {
  const scopes = [baseline.record.scopeDigest, observed.record.scopeDigest] as const;
  const visibility = visibilityBetween(view, ...scopes, blindSpots);
  const tookOver = new Set<string>();
  for (const index of allBuckets) {
    if (baseline.record.bucketDigests[index] === observed.record.bucketDigests[index]) continue;
    const before = baseline.entries(index);
    const after = observed.entries(index);
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      const was = before.get(path) ?? null;
      const is = after.get(path) ?? null;
      if (isSameEntry(was, is) || (selects && !selects(path))) continue;
      const finding = compareEntries(was, is, visibility);
      const next = takenOver(was, is, finding?.unknown ?? null, selects !== null);
      if (isSameEntry(was, next)) continue;
      if (next) edit.set(next);
      else edit.delete(path);
      if (finding) tookOver.add(path);
    }
  }
  return tookOver;
}

/** The baseline after an acceptance; null where the present one stands as it is. */
function succeed(
  before: BaselineRecord | null,
  { manifest, aide }: { readonly manifest: string; readonly aide: AcceptedAide | null },
  accepted: number,
  acceptance: Acceptance,
  now: Millis,
): BaselineRecord | null {
  const { who, reason } = acceptance;
  const reviewed = namesWhatWasSeen(acceptance.ifMatch);
  const isAll = selectsEverything(acceptance);
  const isNewWord = isAll && (before?.acceptedBy === systemActor || (reviewed && !before?.reviewed));
  if (before?.manifest === manifest && !isNewWord && !aide?.isMoved) return null;
  return {
    sequence: (before?.sequence ?? 0) + 1,
    manifest,
    acceptedAt: now,
    acceptedBy: who,
    reason,
    reviewed,
    paths: accepted,
    restoredFrom: null,
  };
}

function auditOf(
  state: NodeState,
  { paths, drifts, ifMatch, who, reason, job, window }: Acceptance,
  { accepted, remaining, baseline }: AcceptanceOutcome,
  tookOver: ReadonlySet<string>,
  now: Millis,
): AuditRecord {
  return {
    at: now,
    who,
    action: window === undefined ? 'accept' : 'accept-expected-change',
    node: state.name,
    reason,
    details: {
      from: state.baseline?.manifest ?? null,
      to: baseline.manifest,
      sequence: baseline.sequence,
      ...(job === undefined ? {} : { job }),
      ...(window === undefined ? {} : { window }),
      paths: paths?.join('\n') ?? null,
      drifts: drifts?.join(',') ?? null,
      accepted,
      acceptedPaths: firstOf(tookOver),
      remaining,
      reviewed: namesWhatWasSeen(ifMatch),
    },
  };
}

/** One a line, by name; null if there are none. The audit is kept for ever, the manifests that differ by them are not. */
function firstOf(paths: ReadonlySet<string>): string | null {
  let text = '';
  for (const path of [...paths].sort().slice(0, auditedPaths.count)) {
    if (text.length + path.length > auditedPaths.characters) break;
    text += `${text === '' ? '' : '\n'}${path}`;
  }
  return text === '' ? null : text;
}
