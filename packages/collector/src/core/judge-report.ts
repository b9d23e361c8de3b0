/** Drift after a report: only what the report can have moved is judged again. */
import type { BlindSpot } from '@holdfast/shared/visibility';
import { allBuckets, judge, visibilityBetween } from '#core/judge';
import { type ManifestSide, sideOf } from '#core/manifest-edit';
import { type DriftEffects, type NodeState, type NodeView, noDriftEffects } from '#core/node-state';
import type { Observed } from '#core/observe-report';

/** `after` is the state with the report in it; `movedBaseline` is its baseline where the report moved it. */
export function judgeReport(
  view: NodeView,
  after: NodeState,
  observed: Observed,
  movedBaseline: ManifestSide | null,
): DriftEffects {
  const isSeenAnew =
    movedBaseline !== null ||
    observed.leftScope !== null ||
    observed.isFirst ||
    !haveSameBlindSpots(view.state?.blindSpots ?? [], after.blindSpots);
  const buckets = isSeenAnew ? allBuckets : observed.touched;
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
