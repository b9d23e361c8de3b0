/**
 * A node's status. All that hold are listed, worst first; the worst is the status.
 *
 * - `drifting`: a drift stands.
 * - `unknown`: a path can't be measured at present, or nothing is observed although there is a baseline.
 * - `silent`: nothing came for longer than allowed, counted from the later of the last report and our own readiness.
 * - `pending`: no accepted baseline.
 * - `clean`: none of these.
 */
import type { Millis, NodeState } from '#core/node-state';

export const nodeStatuses = ['drifting', 'unknown', 'silent', 'pending', 'clean'] as const;
export type NodeStatus = (typeof nodeStatuses)[number];

/** What the status of a node follows from; a `NodeSummary` of the store is one. */
export interface StatusFacts {
  readonly state: Pick<NodeState, 'lastReportAt' | 'observed' | 'baseline'>;
  readonly drift: { readonly added: number; readonly removed: number; readonly changed: number };
  readonly unknownPaths: number;
}

export interface StatusContext {
  readonly now: Millis;
  /** When this collector began to take reports. */
  readonly readyAt: Millis;
  readonly silentSeconds: number;
}

export function nodeStatus(
  facts: StatusFacts,
  context: StatusContext,
): { readonly status: NodeStatus; readonly statuses: readonly NodeStatus[] } {
  const holding = nodeStatuses.filter((status) => status !== 'clean' && holds(status, facts, context));
  const statuses: readonly NodeStatus[] = holding.length > 0 ? holding : ['clean'];
  return { status: statuses[0]!, statuses };
}

/**
 * Whole milliseconds for which nothing came; 0 where the clock went back a little. A time that lies further ahead than
 * silence is allowed to last was written by a clock that was wrong, and counts for nothing: a node that has stopped
 * must not pass for heard until that time comes.
 */
export function silentForMillis(
  lastReportAt: Millis,
  { now, readyAt, silentSeconds }: StatusContext,
): number {
  const heard = lastReportAt - now > silentSeconds * 1000 ? readyAt : Math.max(lastReportAt, readyAt);
  return Math.max(0, now - heard);
}

function holds(
  status: Exclude<NodeStatus, 'clean'>,
  { state, drift, unknownPaths }: StatusFacts,
  context: StatusContext,
): boolean {
  switch (status) {
    case 'drifting':
      return drift.added + drift.removed + drift.changed > 0;
    case 'unknown':
      return unknownPaths > 0 || (state.observed === null && state.baseline !== null);
    case 'silent':
      return silentForMillis(state.lastReportAt, context) > context.silentSeconds * 1000;
    case 'pending':
      return state.baseline === null;
  }
}
