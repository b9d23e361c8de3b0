/** What a baseline holds of one path after an acceptance took that path over. */
import { acceptedEntry } from '@holdfast/shared/acceptance';
import type { UnknownReason } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';

/**
 * - Observed: the observed entry (shared/acceptance says what becomes of what could not be measured).
 * - Not observed: nothing, where its absence was seen, where the scope left it or a mount covers it. What lies in a
 *   place that is missing or empty goes only `byName`; what lies where nothing could be listed stays.
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
