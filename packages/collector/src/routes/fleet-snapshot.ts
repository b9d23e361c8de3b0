/** What answers and metrics say of nodes depends on the time; both take it from here. */
import type { StatusContext } from '#core/node-status';
import type { FleetSnapshot } from '#outputs/node-metrics';
import type { RouteContext } from './route.ts';

export function statusContext({ liveness, config }: RouteContext, node: string): StatusContext {
  return { ages: liveness.ages(node), silentSeconds: config.nodeSilentSeconds };
}

export async function fleetSnapshot(context: RouteContext): Promise<FleetSnapshot> {
  const { store, config, clock } = context;
  const [nodes, drift, auditHead] = await Promise.all([
    store.nodes(),
    store.standingDriftOfAll(config.metrics.pathsPerNode),
    store.auditHead(),
  ]);
  const isOverQuota = (node: string) => context.quota.waitMs(node, context.monotonic()) > 0;
  const statusOf = (node: string) => statusContext(context, node);
  return { now: clock(), auditHead, nodes, drift, isOverQuota, statusOf };
}
