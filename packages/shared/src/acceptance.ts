/** What a baseline takes over when someone accepts what was observed at a path. */
import type { Entry } from './entry.ts';

/**
 * The baseline's new entry for a path. What could not be measured this time keeps the value that was accepted before,
 * so that accepting a path that could not be read does not forget what should be in it.
 */
export function acceptedEntry(baseline: Entry | null, observed: Entry): Entry {
  if (observed.unread === undefined || baseline === null || baseline.type !== observed.type) return observed;
  if (observed.unread === 'stale') return baseline;
  const { unread: _, ...measured } = observed;
  return { ...baseline, ...measured };
}
