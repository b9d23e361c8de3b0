/** What answers and metrics say of nodes depends on the time; both take it from here. */
import type { StatusContext } from '#core/node-status';
import type { CollectorSnapshot } from '#outputs/collector-metrics';
import type { StackSnapshot } from '#outputs/stack-metrics';
import type { SweepStore } from '#store/sweep-store';
import type { RouteContext } from './route.ts';

export function statusContext({ liveness, config }: RouteContext, node: string): StatusContext {
  return { ages: liveness.ages(node), silentSeconds: config.nodeSilentSeconds };
}

export async function fleetSnapshot(context: RouteContext): Promise<CollectorSnapshot> {
  const { store, config, clock } = context;
  const now = clock();
  const [nodes, drift, auditHead, openWindows, sweeps] = await Promise.all([
    store.nodes(),
    store.standingDriftOfAll(config.metrics.pathsPerNode, now),
    store.auditHead(),
    store.windows.openAt(now),
    stackSnapshot(store.sweeps),
  ]);
  const isOverQuota = (node: string) => context.quota.waitMs(node, context.monotonic()) > 0;
  const statusOf = (node: string) => statusContext(context, node);
  return { now, auditHead, openWindows, nodes, drift, isOverQuota, statusOf, sweeps };
}

export async function stackSnapshot(store: SweepStore): Promise<StackSnapshot> {
  const [stacks, lastWhole, running] = await Promise.all([
    store.stacks(),
    store.lastWhole(),
    store.running(),
  ]);
  return { stacks, lastWhole, running: running.length };
}
