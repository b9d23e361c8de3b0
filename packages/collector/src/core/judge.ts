/**
 * What becomes of a node's standing drift and unknown paths when its baseline or its observed manifest has moved.
 *
 * Rules, for one path:
 * 1. A finding with a drift starts one, or alters the one that stands; that keeps its first-seen time.
 * 2. A finding that is only unknown leaves a standing drift as it is: what can't be seen can't be seen to end. The one
 *    exception is a path that this very acceptance took over.
 * 3. A standing drift without a finding has ended.
 * 4. Where there is no baseline nothing can drift, but what could not be read is unknown all the same.
 */
import {
  type Change,
  compareBuckets,
  type Finding,
  type UnknownReason,
  type Visibility,
} from '@holdfast/shared/compare';
import { bucketCount } from '@holdfast/shared/manifest';
import { compileForeignScope } from '@holdfast/shared/scope';
import { type BlindSpot, visibilityOf } from '@holdfast/shared/visibility';
import { isSameEntry, type ManifestSide } from '#core/manifest-edit';
import type { DriftEffects, DriftEnd, NodeView, StandingDrift } from '#core/node-state';

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

type JudgedView = Pick<NodeView, 'standing' | 'unknown'>;

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
    judgeBucket(findingsIn(comparison, index), view.standing(index), view.unknown(index), endsAs, tookOver),
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

function judgeBucket(
  findings: readonly Finding[],
  standing: readonly StandingDrift[],
  unknownBefore: ReadonlyMap<string, UnknownReason>,
  endsAs: DriftEnd,
  tookOver: (path: string) => boolean,
): Judgement {
  const open = new Map(standing.map((drift) => [drift.path, drift]));
  const noLongerUnknown = new Set(unknownBefore.keys());
  const started: Change[] = [];
  const altered: Change[] = [];
  const unknown: { path: string; reason: UnknownReason }[] = [];
  let stays = 0;
  let unknownCount = 0;
  for (const finding of findings) {
    const { path, drift } = finding;
    const stood = open.get(path);
    if (drift) {
      stays += 1;
      open.delete(path);
      if (!stood) started.push(drift);
      else if (!isSameChange(stood, drift)) altered.push(drift);
    } else if (stood && !tookOver(path)) {
      stays += 1;
      open.delete(path);
    }
    if (finding.unknown) {
      unknownCount += 1;
      noLongerUnknown.delete(path);
      if (unknownBefore.get(path) !== finding.unknown) unknown.push({ path, reason: finding.unknown });
    }
  }
  const ended = [...open.keys()].map((path) => ({ path, as: endsAs }));
  const effects = { started, altered, ended, unknown, known: [...noLongerUnknown] };
  return { effects, standing: stays, unknown: unknownCount };
}

function isSameChange(a: Change, b: Change): boolean {
  return a.change === b.change && isSameEntry(a.before, b.before) && isSameEntry(a.after, b.after);
}
