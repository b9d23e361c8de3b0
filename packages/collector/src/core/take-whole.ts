/**
 * An acceptance of everything, where nothing of the node is hidden: the observed manifest is the new baseline, as it is, and
 * no bucket need be opened. It comes to what path by path would; a fleet-wide acceptance is made of thousands of these.
 */
import type { Judgement } from '#core/judge';
import { allBuckets } from '#core/judge';
import { type FinishedEdit, sideOf } from '#core/manifest-edit';
import { type NodeState, type NodeView, noDriftEffects } from '#core/node-state';

export interface TakenWhole {
  readonly finished: FinishedEdit;
  readonly tookOver: ReadonlySet<string>;
  readonly accepted: number;
  readonly changed: readonly string[];
  readonly judgement: Judgement;
}

/** Null: AIDE looks at the node too; something is hidden or was not read, or the scope moved; or a path is unknown, and `withUnknown` is not set. */
export function takeWhole(
  view: NodeView,
  { baseline, observed, blindSpots, aide }: NodeState,
  withUnknown: boolean,
): TakenWhole | null {
  if (baseline === null || observed === null || aide !== null || blindSpots.length > 0) return null;
  const before = view.manifest(baseline.manifest);
  const after = view.manifest(observed);
  if (before.scopeDigest !== after.scopeDigest || before.unread > 0 || after.unread > 0) return null;
  const known = allBuckets.flatMap((index) => [...view.unknown(index).keys()]);
  if (known.length > 0 && !withUnknown) return null;
  const tookOver = new Set([...view.standingFingerprints().values(), ...known]);
  return {
    finished: { side: sideOf(after, view), buckets: [] },
    tookOver,
    accepted: tookOver.size,
    changed: [...tookOver],
    judgement: { effects: { ...noDriftEffects, endedAll: 'accepted', known }, standing: 0, unknown: 0 },
  };
}
