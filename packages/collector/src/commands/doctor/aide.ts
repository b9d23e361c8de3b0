import { type DoctorFinding, ok, warn } from '@holdfast/shared/doctor-finding';
import type { AideStatus } from '@holdfast/shared/wire-aide';
import { aideStatusOf } from '#core/aide-status';
import type { NodeSummary } from '#store/store';

const name = 'aide';
export const maxNodesNamed = 10;

const troubled: ReadonlySet<AideStatus> = new Set(['tampered', 'failed', 'unknown', 'degraded']);

/** On which nodes AIDE cannot be relied on, and why. */
export function checkAide(nodes: readonly Pick<NodeSummary, 'state'>[]): DoctorFinding[] {
  const shown = nodes.flatMap(({ state }) =>
    state.aide ? [{ node: state.name, ...aideStatusOf(state.aide) }] : [],
  );
  const bad = shown.filter(({ status }) => troubled.has(status));
  if (shown.length === 0) return [];
  if (bad.length === 0) return [ok(name, `it can be relied on, where it is there, on ${shown.length} nodes`)];
  const cure = 'see docs/aide.md, "What each status asks of you"';
  const named = bad.slice(0, maxNodesNamed);
  const left = bad.length - named.length;
  return [
    ...named.map(({ node, status, reason }) =>
      warn(name, `${status} on ${node}: ${reason ?? 'see its log'}`, cure),
    ),
    ...(left > 0 ? [warn(name, `the same on ${left} more nodes`, cure)] : []),
  ];
}
