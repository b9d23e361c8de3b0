/**
 * In what state AIDE's engine is on a node, as it is shown. Rules, in order:
 * 1. What keeps AIDE from looking at all is as the agent tells it: `absent`, `off`, `starting`, `failed`, `tampered`.
 * 2. A run that the agent or the collector cannot rely on is `unknown`.
 * 3. `degraded` as the agent tells it: AIDE is blind to something, and our own engine stands in.
 * 4. `drift` where anything stands that AIDE found, else `same`.
 */
import type { AideStatus } from '@holdfast/shared/wire-aide';
import type { AideState } from '#core/aide-state';

export interface ShownAideStatus {
  readonly status: AideStatus;
  readonly reason: string | null;
}

const asTold: ReadonlySet<AideStatus> = new Set(['absent', 'off', 'starting', 'failed', 'tampered']);

export function aideStatusOf({ told, objection, findings }: AideState): ShownAideStatus {
  const { status, reason } = told;
  if (asTold.has(status)) return { status, reason };
  if (objection !== null) return { status: 'unknown', reason: objection };
  if (status === 'unknown' || status === 'degraded') return { status, reason };
  return { status: findings > 0 ? 'drift' : 'same', reason: null };
}

/** Whether the node was measured by AIDE, and now cannot be: then it is not clean, whatever our own engine sees. */
export function isAideInDoubt(aide: AideState | null): boolean {
  if (!aide || (aide.baseline === null && aide.newest === null)) return false;
  return ['unknown', 'failed', 'tampered'].includes(aideStatusOf(aide).status);
}
