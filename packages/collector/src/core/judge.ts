/**
 * What becomes of a node's standing drift and unknown paths when its baseline or its observed manifest has moved.
 *
 * Rules, for one path:
 * 1. A finding with a drift starts one, or alters the one that stands; that keeps its first-seen time.
 * 2. A finding that is only unknown leaves a standing drift as it is: what can't be seen can't be seen to end. The one
 *    exception is a path that this very acceptance took over.
 * 3. A standing drift without a finding has ended.
 * 4. A path that AIDE found to differ drifts too: seen by both engines it is one drift, and ends when neither sees it.
 * 5. Where there is no baseline nothing can drift, but what could not be read is unknown all the same.
 */
import type { AideFinding } from '@holdfast/shared/aide-compare';
import { compareBuckets, type Finding, type UnknownReason, type Visibility } from '@holdfast/shared/compare';
import { bucketCount } from '@holdfast/shared/manifest';
import { compileForeignScope } from '@holdfast/shared/scope';
import { type BlindSpot, visibilityOf } from '@holdfast/shared/visibility';
import { isSameEntry, type ManifestSide } from '#core/manifest-edit';
import type { DriftContent, DriftEffects, DriftEnd, NodeView, StandingDrift } from '#core/node-state';

export interface Comparison {
  /** Null: the node has no baseline. */
  readonly baseline: ManifestSide | null;
  readonly observed: ManifestSide;
  readonly visibility: Visibility;
}

export interface Judgement {
  readonly effects: DriftEffects;
  /** Drifts that stand in the judged buckets afterwards. */
  readonly standing: number;
  /** Unknown paths in the judged buckets afterwards. */
  readonly unknown: number;
}

export const allBuckets: readonly number[] = Array.from({ length: bucketCount }, (_, index) => index);

type JudgedView = Pick<NodeView, 'standing' | 'unknown'> & {
  readonly aide: Pick<NodeView['aide'], 'findings'>;
};

/**
 * Judges `buckets`; what lies in others must not have moved. A drift that is over ends as `endsAs`; `tookOver` says
 * which paths an acceptance took over.
 */
export function judge(
  view: JudgedView,
  comparison: Comparison,
  buckets: readonly number[],
  endsAs: DriftEnd,
  tookOver: (path: string) => boolean = () => false,
): Judgement {
  const verdicts = buckets.map((index) =>
    judgeBucket(
      { native: findingsIn(comparison, index), aide: view.aide.findings(index) },
      { standing: view.standing(index), unknown: view.unknown(index) },
      endsAs,
      tookOver,
    ),
  );
  return {
    effects: {
      started: verdicts.flatMap(({ effects }) => effects.started),
      altered: verdicts.flatMap(({ effects }) => effects.altered),
      ended: verdicts.flatMap(({ effects }) => effects.ended),
      unknown: verdicts.flatMap(({ effects }) => effects.unknown),
      known: verdicts.flatMap(({ effects }) => effects.known),
    },
    standing: verdicts.reduce((sum, { standing }) => sum + standing, 0),
    unknown: verdicts.reduce((sum, { unknown }) => sum + unknown, 0),
  };
}

/** What a comparison of `baseline` with `observed` can see. Scopes are compiled only where they differ. */
export function visibilityBetween(
  view: Pick<NodeView, 'scope'>,
  baselineScope: string,
  observedScope: string,
  blindSpots: readonly BlindSpot[],
): Visibility {
  if (baselineScope === observedScope) return visibilityOf(blindSpots, null);
  const compiled = (digest: string) => {
    const scope = view.scope(digest);
    if (!scope) throw new Error(`the store lacks the scope ${digest}`);
    return compileForeignScope(scope);
  };
  return visibilityOf(blindSpots, { baseline: compiled(baselineScope), observed: compiled(observedScope) });
}

/** Findings of one bucket; buckets that are equal and fully read are not opened. */
export function findingsIn({ baseline, observed, visibility }: Comparison, index: number): Finding[] {
  if (!baseline) return observed.record.unread === 0 ? [] : unreadIn(observed, index);
  const isEqual = baseline.record.bucketDigests[index] === observed.record.bucketDigests[index];
  if (isEqual && observed.record.unread === 0) return [];
  return compareBuckets(baseline.entries(index), observed.entries(index), visibility);
}

function unreadIn(observed: ManifestSide, index: number): Finding[] {
  const findings: Finding[] = [];
  for (const { path, unread } of observed.entries(index).values()) {
    if (unread) findings.push({ path, drift: null, unknown: unread });
  }
  return findings;
}

interface EngineFindings {
  readonly native: readonly Finding[];
  readonly aide: ReadonlyMap<string, AideFinding>;
}

interface BucketBefore {
  readonly standing: readonly StandingDrift[];
  readonly unknown: ReadonlyMap<string, UnknownReason>;
}

function judgeBucket(
  findings: EngineFindings,
  before: BucketBefore,
  endsAs: DriftEnd,
  tookOver: (path: string) => boolean,
): Judgement {
  const open = new Map(before.standing.map((drift) => [drift.path, drift]));
  const noLongerUnknown = new Set(before.unknown.keys());
  const unknown: { path: string; reason: UnknownReason }[] = [];
  let unknownCount = 0;
  for (const { path, unknown: reason } of findings.native) {
    if (!reason) continue;
    unknownCount += 1;
    noLongerUnknown.delete(path);
    if (before.unknown.get(path) !== reason) unknown.push({ path, reason });
  }
  const started: DriftContent[] = [];
  const altered: DriftContent[] = [];
  const drifts = driftsOf(findings, open, tookOver);
  for (const drift of drifts) {
    const stood = open.get(drift.path);
    open.delete(drift.path);
    if (!stood) started.push(drift);
    else if (!isSameDrift(stood, drift)) altered.push(drift);
  }
  const ended = [...open.keys()].map((path) => ({ path, as: endsAs }));
  const effects = { started, altered, ended, unknown, known: [...noLongerUnknown] };
  return { effects, standing: drifts.length, unknown: unknownCount };
}

function driftsOf(
  { native, aide }: EngineFindings,
  standing: ReadonlyMap<string, StandingDrift>,
  tookOver: (path: string) => boolean,
): DriftContent[] {
  const drifts: DriftContent[] = [];
  const alone = new Map(aide);
  for (const { path, drift } of native) {
    const found = aide.get(path) ?? null;
    const stood = standing.get(path);
    if (drift) drifts.push({ ...drift, aide: found });
    else if (stood && seenByNative(stood) && !tookOver(path)) drifts.push({ ...stood, aide: found });
    else continue;
    alone.delete(path);
  }
  for (const found of alone.values()) {
    const { path, change } = found;
    drifts.push({ path, change, attributes: [], before: null, after: null, aide: found });
  }
  return drifts;
}

/** Whether our own engine sees the drift, be it alone. */
export function seenByNative({ before, after }: DriftContent): boolean {
  return before !== null || after !== null;
}

function isSameDrift(a: DriftContent, b: DriftContent): boolean {
  return (
    a.change === b.change &&
    isSameEntry(a.before, b.before) &&
    isSameEntry(a.after, b.after) &&
    (a.aide === b.aide || JSON.stringify(a.aide) === JSON.stringify(b.aide))
  );
}
