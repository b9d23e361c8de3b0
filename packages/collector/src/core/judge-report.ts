/** Drift after a report: only what the report can have moved is judged again. */
import type { BlindSpot } from '@holdfast/shared/visibility';
import { allBuckets, judge, visibilityBetween } from '#core/judge';
import { type ManifestSide, sideOf } from '#core/manifest-edit';
import { type DriftEffects, type NodeState, type NodeView, noDriftEffects } from '#core/node-state';
import type { Observed } from '#core/observe-report';

/** What a report shows of the node; what is held, where it shows nothing. */
export type Seen = Pick<Observed, 'side' | 'touched' | 'leftScope' | 'isFirst'>;

/** Null: nothing was ever observed. */
export function heldOf(view: NodeView, { observed }: NodeState): Seen | null {
  if (observed === null) return null;
  return { side: sideOf(view.manifest(observed), view), touched: [], leftScope: null, isFirst: false };
}

/**
 * `after` is the state with the report in it; `movedBaseline` is its baseline where the report moved it; `aideTouched` are
 * the buckets in which what AIDE found may be something else than before.
 */
export function judgeReport(
  view: NodeView,
  after: NodeState,
  observed: Seen,
  movedBaseline: ManifestSide | null,
  aideTouched: readonly number[],
): DriftEffects {
  const isSeenAnew =
    movedBaseline !== null ||
    observed.leftScope !== null ||
    observed.isFirst ||
    !haveSameBlindSpots(view.state?.blindSpots ?? [], after.blindSpots);
  const buckets = isSeenAnew ? allBuckets : [...new Set([...observed.touched, ...aideTouched])];
  if (buckets.length === 0) return noDriftEffects;
  const baseline = movedBaseline ?? (after.baseline && sideOf(view.manifest(after.baseline.manifest), view));
  const { scopeDigest } = observed.side.record;
  const visibility = visibilityBetween(
    view,
    baseline?.record.scopeDigest ?? scopeDigest,
    scopeDigest,
    after.blindSpots,
  );
  const comparison = { baseline, observed: observed.side, visibility };
  return judge(view, comparison, buckets, movedBaseline ? 'accepted' : 'reverted').effects;
}

function haveSameBlindSpots(a: readonly BlindSpot[], b: readonly BlindSpot[]): boolean {
  return (
    a.length === b.length && a.every(({ path, reason }, i) => path === b[i]?.path && reason === b[i]?.reason)
  );
}
