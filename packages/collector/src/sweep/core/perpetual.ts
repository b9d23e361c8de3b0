/**
 * Tells a difference that no apply will settle from one that nobody has applied yet.
 *
 * Counted from the newest run backwards, over runs that measured the stack and found the same shape (the same
 * addresses, actions and attributes), it is perpetual if
 *
 * - none of its values can be known before it is applied (`timestamp()`), or they were others in each run
 *   (`plantimestamp()`), in {@link movingRuns} runs; or
 * - it had the same fingerprint in every run since the stack was first seen, in at least {@link standingRuns}.
 */
import { type ChangedResource, isMeasured, type StackResult } from '#sweep/core/stack-result';

export const movingRuns = 3;
export const standingRuns = 7;

export type PastResult = Pick<StackResult, 'outcome' | 'fingerprint' | 'changes'>;

/** `history` has the retained results of one stack, oldest first; `reachesBack` says that none was dropped before them. */
export function isPerpetual(history: readonly PastResult[], reachesBack: boolean): boolean {
  const measured = history.filter(({ outcome }) => isMeasured(outcome));
  const newest = measured.at(-1);
  if (newest === undefined || newest.fingerprint === null) return false;
  const shape = shapeOf(newest.changes);
  const before = measured.findLastIndex(
    ({ fingerprint, changes }) => fingerprint === null || shapeOf(changes) !== shape,
  );
  const alike = measured.slice(before + 1);
  const fingerprints = new Set(alike.map(({ fingerprint }) => fingerprint));
  const neverKnown = visible(newest.changes).every(({ unsettled }) => unsettled);
  if (alike.length >= movingRuns && (neverKnown || fingerprints.size === alike.length)) return true;
  return (
    reachesBack && alike.length >= standingRuns && alike.length === measured.length && fingerprints.size === 1
  );
}

function shapeOf(changes: readonly ChangedResource[]): string {
  return JSON.stringify(
    visible(changes).map(({ address, action, attributes }) => [address, action, attributes]),
  );
}

function visible(changes: readonly ChangedResource[]): ChangedResource[] {
  return changes.filter(({ hidden }) => !hidden);
}
