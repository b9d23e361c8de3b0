/** What a baseline holds of one path after an acceptance took that path over. */
import type { UnknownReason } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';

/**
 * - Observed: the observed entry. Where that lacks what could not be measured, the baseline's value stays, so that a
 *   path that could not be read is not forgotten.
 * - Not observed: nothing, where its absence was seen, where the scope left it or a mount covers it. What lies in a
 *   place that is missing or empty goes only `byName`; what lies where nothing could be listed stays.
 */
export function acceptedEntry(
  baseline: Entry | null,
  observed: Entry | null,
  unknown: UnknownReason | null,
  byName: boolean,
): Entry | null {
  if (observed) return withUnmeasured(observed, baseline);
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

function withUnmeasured(observed: Entry, baseline: Entry | null): Entry {
  if (observed.unread === undefined || baseline?.type !== observed.type) return observed;
  const { unread, ...measured } = observed;
  const { unread: baselineUnread, ...accepted } = baseline;
  const merged = { ...accepted, ...measured };
  return baselineUnread === undefined ? merged : { ...merged, unread };
}
