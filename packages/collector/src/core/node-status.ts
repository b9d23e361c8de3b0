/**
 * A node's status. All that hold are listed, worst first; the worst is the status.
 *
 * - `drifting`: a drift stands.
 * - `unknown`: a path can't be measured at present, or nothing is observed although there is a baseline, or reports come
 *   but none has told of a manifest for longer than a node may be silent (an agent that never ends its first scan), or
 *   AIDE has measured the node and its newest run cannot be relied on.
 * - `silent`: nothing came for longer than allowed.
 * - `pending`: no accepted baseline.
 * - `clean`: none of these.
 */
import { isAideInDoubt } from '#core/aide-status';
import type { NodeState } from '#core/node-state';

export const nodeStatuses = ['drifting', 'unknown', 'silent', 'pending', 'clean'] as const;
export type NodeStatus = (typeof nodeStatuses)[number];

/** What the status of a node follows from; a `NodeSummary` of the store is one. */
export interface StatusFacts {
  readonly state: Pick<NodeState, 'observed' | 'baseline' | 'aide'>;
  readonly drift: { readonly added: number; readonly removed: number; readonly changed: number };
  readonly unknownPaths: number;
}

/** Milliseconds, counted from the later of what they name and the collector's own start. */
export interface NodeAges {
  readonly sinceReportMs: number;
  /** Since a report that told of a manifest. */
  readonly sinceObservedMs: number;
}

export interface StatusContext {
  readonly ages: NodeAges;
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

function holds(
  status: Exclude<NodeStatus, 'clean'>,
  { state, drift, unknownPaths }: StatusFacts,
  { ages, silentSeconds }: StatusContext,
): boolean {
  const isTooLong = (ms: number) => ms > silentSeconds * 1000;
  const isSilent = isTooLong(ages.sinceReportMs);
  switch (status) {
    case 'drifting':
      return drift.added + drift.removed + drift.changed > 0;
    case 'unknown':
      if (isAideInDoubt(state.aide)) return true;
      if (unknownPaths > 0 || (state.observed === null && state.baseline !== null)) return true;
      return state.observed !== null && !isSilent && isTooLong(ages.sinceObservedMs);
    case 'silent':
      return isSilent;
    case 'pending':
      return state.baseline === null;
  }
}
