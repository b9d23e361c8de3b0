/**
 * In what state AIDE's engine is on a node, as it is shown. Rules, in order:
 * 1. What keeps AIDE from looking at all is as the agent tells it: `absent`, `off`, `failed`, `tampered`.
 * 2. A run that the agent or the collector cannot rely on is `unknown`, also after the agent has begun anew: until
 *    another run it counts.
 * 3. `drift` where anything stands that AIDE found.
 * 4. `starting` as the agent tells it.
 * 5. `degraded` where AIDE is blind to something, and our own engine stands in; else `same`.
 */
import type { AideStatus } from '@holdfast/shared/wire-aide';
import type { AideState } from '#core/aide-state';

export interface ShownAideStatus {
  readonly status: AideStatus;
  readonly reason: string | null;
}

const asTold: ReadonlySet<AideStatus> = new Set(['absent', 'off', 'failed', 'tampered']);

export function aideStatusOf({ told, run, objection, findings }: AideState): ShownAideStatus {
  const { status, reason, degraded } = told;
  if (asTold.has(status)) return { status, reason };
  const isStarting = status === 'starting';
  if (isStarting && !run) return { status, reason };
  if (objection !== null) return { status: 'unknown', reason: objection };
  if (status === 'unknown') return { status, reason };
  if (run?.verdict === 'unknown' || run?.verdict === 'failed') {
    const before = isStarting ? ', before the agent began anew,' : '';
    return { status: run.verdict, reason: reason ?? `the newest run${before} was of no use` };
  }
  if (findings > 0) return { status: 'drift', reason: null };
  if (isStarting) return { status, reason };
  if (degraded.length === 0) return { status: 'same', reason: null };
  return { status: 'degraded', reason: reason ?? `this AIDE does not see ${degraded.join(', ')}` };
}

/**
 * Whether the node was measured by AIDE, and now cannot be: then it is not clean, whatever our own engine sees. Removing
 * AIDE is no way to silence it; whoever wants none says so on the node (`off`).
 */
export function isAideInDoubt(aide: AideState | null): boolean {
  if (aide?.told.status === 'tampered') return true;
  if (!aide || (aide.baseline === null && aide.newest === null)) return false;
  return ['unknown', 'failed', 'tampered', 'absent'].includes(aideStatusOf(aide).status);
}
