/** What a baseline holds of one path after someone accepted that path. The collector and the agent's `update` ask it. */
import type { UnknownReason } from './compare.ts';
import type { Entry } from './entry.ts';

/**
 * The baseline's new entry; null if it holds none. `unknown` is what the comparison said of the path; `byName` whether
 * the acceptance named it by a glob.
 * - Observed: the observed entry. What could not be measured this time keeps the value that was accepted before, so
 *   that accepting a path that could not be read does not forget what should be in it.
 * - Not observed: nothing, where its absence was seen, where the scope left it or a mount covers it. What lies in a
 *   place that is missing or empty goes only by name, since a missing tree can be meant but seldom is; what lies where
 *   nothing could be listed stays.
 */
export function takenOver(
  baseline: Entry | null,
  observed: Entry | null,
  unknown: UnknownReason | null,
  byName: boolean,
): Entry | null {
  if (observed) return acceptedEntry(baseline, observed);
  switch (unknown) {
    case 'unreadable':
      return baseline;
    case 'missing':
    case 'empty':
      return byName ? null : baseline;
    default:
      return null;
  }
}

function acceptedEntry(baseline: Entry | null, observed: Entry): Entry {
  if (observed.unread === undefined || baseline === null || baseline.type !== observed.type) return observed;
  if (observed.unread === 'stale') return baseline;
  const { unread: _, ...measured } = observed;
  return { ...baseline, ...measured };
}
