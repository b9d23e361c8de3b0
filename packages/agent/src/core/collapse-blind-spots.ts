import { isWithin } from '@holdfast/shared/path-text';
import { type BlindSpot, maxBlindSpots } from '@holdfast/shared/visibility';

/** The list itself while it is short enough for a report; else the roots of the scope that hold the blind spots. */
export function collapseBlindSpots(
  blindSpots: readonly BlindSpot[],
  roots: readonly string[],
  limit = maxBlindSpots,
): readonly BlindSpot[] {
  if (blindSpots.length <= limit) return blindSpots;
  const collapsed = new Map<string, BlindSpot>();
  for (const spot of blindSpots) {
    const root = roots.find((root) => isWithin(spot.path, root)) ?? spot.path;
    collapsed.set(root, { path: root, reason: spot.path === root ? spot.reason : 'unreadable' });
  }
  return [...collapsed.values()];
}
