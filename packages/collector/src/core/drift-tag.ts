/** The entity tag of a node's drift: what an operator names to say "this is what I have looked at". */
import { hash } from 'node:crypto';
import type { NodeState } from '#core/node-state';

export type TaggedState = Pick<NodeState, 'baseline' | 'observed' | 'blindSpots' | 'aide'>;

/** Changes whenever the list of drifts, or what is unknown about it, can have changed. 32 hex digits, unquoted. */
export function driftTag({ baseline, observed, blindSpots, aide }: TaggedState): string {
  const spots = blindSpots.map(({ path, reason }) => `${path}\t${reason}`).sort();
  const found = aide && aide.tag !== '' ? [aide.tag] : [];
  // The manifest too: after the restore of a backup, another baseline comes to have the same sequence.
  const accepted = baseline && [baseline.sequence, baseline.manifest];
  return hash('sha256', JSON.stringify([accepted, observed, spots, ...found])).slice(0, 32);
}

/**
 * Whether an `If-Match` value names the node as it is now: by its drift tag, or by the observed digest. Takes the
 * forms of RFC 9110: quoted or not, weak or not, several separated by commas. `*` matches whatever there is. What follows
 * a `-` stands for acknowledgements: those change what is shown, and not what there is to accept.
 */
export function matchesDriftTag(ifMatch: string, state: TaggedState): boolean {
  if (ifMatch.trim() === '*') return true;
  const named = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''));
  return named.some((tag) => isTagOf(tag.replace(/-.*/, ''), state));
}

function isTagOf(tag: string, state: TaggedState): boolean {
  const isAllOfIt = (state.aide?.tag ?? '') === ''; // the digest says nothing of what AIDE found
  return tag !== '' && (tag === driftTag(state) || (isAllOfIt && tag === state.observed));
}

/** Whether the caller named what it had looked at: any `If-Match` but `*`, which names nothing. */
export function namesWhatWasSeen(ifMatch: string | null): boolean {
  return ifMatch !== null && ifMatch.trim() !== '*';
}
