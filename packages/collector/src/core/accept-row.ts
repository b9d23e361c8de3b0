/**
 * One node's part of the acceptance of a row of the fleet's drift. Rules:
 * 1. Every change of the row must stand on the node as it was reviewed; else nothing of it is accepted there.
 * 2. Nothing but the row is accepted. Other drift of the node stands on, and its baseline then counts as not reviewed.
 * 3. No transaction holds the collector for long: a large row is accepted where it is all that drifts, which is one move
 *    of the baseline. A part of what drifts is picked out path by path, and has a lower limit.
 */
import { type AcceptanceDecision, acceptSelected } from '#core/accept-baseline';
import { driftTag } from '#core/drift-tag';
import type { Millis, NodeView } from '#core/node-state';

export interface RowAcceptance {
  readonly job: number;
  readonly fingerprints: readonly string[];
  readonly who: string;
  readonly reason: string | null;
}

/**
 * How many changes a row may have that is accepted on all its nodes. Where it is all that drifts, that held the event
 * loop for 62 to 66 ms.
 */
export const maxRowChanges = 5000;
/**
 * The same on a node that drifts otherwise too: held for 54 to 63 ms, and on the first node after the start of the
 * process, with code that was not compiled yet, for 115.
 */
export const maxPartChanges = 1500;

export function decideRowAcceptance(
  view: NodeView,
  { job, fingerprints, who, reason }: RowAcceptance,
  now: Millis,
): AcceptanceDecision {
  const standing = view.standingFingerprints();
  const paths = new Set<string>();
  for (const fingerprint of fingerprints) {
    const path = standing.get(fingerprint);
    if (path !== undefined) paths.add(path);
  }
  if (view.state && paths.size < fingerprints.length) {
    const gone = fingerprints.length - paths.size;
    const detail = `${gone} of ${fingerprints.length} changes no longer stand on ${view.state.name} as they were reviewed`;
    return { refuse: { code: 'node-moved-on', detail } };
  }
  const isAllThatDrifts = paths.size === standing.size;
  if (view.state && !isAllThatDrifts && paths.size > maxPartChanges) {
    const detail = `${view.state.name} drifts otherwise too, and a row of more than ${maxPartChanges} changes is accepted on such a node by itself`;
    return { refuse: { code: 'bad-request', detail } };
  }
  const ifMatch = view.state && isAllThatDrifts ? driftTag(view.state) : null;
  const acceptance = { paths: null, drifts: null, ifMatch, who, reason, job };
  const decision = acceptSelected(view, acceptance, (path) => paths.has(path), now, isAllThatDrifts);
  if ('refuse' in decision) return decision;
  const result = { job, accepted: decision.outcome.accepted, baseline: decision.outcome.baseline.sequence };
  return { ...decision, apply: { ...decision.apply, jobResult: result } };
}
