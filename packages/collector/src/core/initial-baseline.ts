/**
 * Whether a first manifest is taken as the baseline without an operator. It is not where the configuration says so,
 * nor where it is empty, incomplete, or much smaller than those of other nodes with the same scope: a baseline of half
 * a node would show the other half as drift, or, worse, never look at it.
 */
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { ManifestRecord } from '#core/node-state';

export type InitialBaselinePolicy = 'accept' | 'pending';

/** A first manifest with fewer entries than this share of the median of its siblings waits for an operator. */
export const smallestShareOfSiblings = 0.5;

/**
 * One sentence on why an operator must accept the first manifest, or null: it may be taken as it is. `isOptional` says
 * whether the scope does without a path.
 */
export function whyPending(
  policy: InitialBaselinePolicy,
  observed: Pick<ManifestRecord, 'entries' | 'unread'>,
  blindSpots: readonly BlindSpot[],
  isOptional: (path: string) => boolean,
  siblingEntries: () => number | null,
): string | null {
  if (policy === 'pending') return 'the configuration asks for an operator';
  if (observed.entries === 0) return 'the first manifest is empty';
  if (observed.unread > 0) {
    return `the first manifest is incomplete: ${counted(observed.unread, 'path')} could not be read in full`;
  }
  const hidden = blindSpots.filter(({ reason }) => reason === 'unreadable').length;
  if (hidden > 0) return `the first manifest is incomplete: ${counted(hidden, 'place')} could not be listed`;
  const missing = blindSpots.find(({ path, reason }) => reason === 'missing' && !isOptional(path));
  if (missing) return `the first manifest is incomplete: ${missing.path} is missing, and the scope needs it`;
  const usual = siblingEntries();
  if (usual !== null && observed.entries < usual * smallestShareOfSiblings) {
    return `the first manifest has ${counted(observed.entries, 'entry', 'entries')}, where other nodes with this scope have ${usual}`;
  }
  return null;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
