/** Whether what a node sends may come in at all, before it is read: the limits that keep one caller from using up what is for all. */
import type { RouteContext } from './route.ts';
import { ProblemError } from './problem.ts';

/** Agents that have to wait come back at least this often, so that they are not taken for silent. */
const maxRetryAfterSeconds = 60;

/** Throws the problems `node-over-quota` and `too-many-nodes`. */
export async function admitReport(
  node: string,
  context: Pick<RouteContext, 'store' | 'config' | 'quota' | 'liveness' | 'monotonic'>,
): Promise<void> {
  const { store, config, liveness } = context;
  const known = await store.node(node);
  try {
    refuseOverQuota(node, context);
  } catch (error) {
    // It lives, and is not to be called silent; but what it sees is not known.
    if (known !== null) liveness.heard(node, false);
    throw error;
  }
  if (known === null && (await store.liveNodeCount()) >= config.nodeLimits.maxNodes)
    throw new ProblemError('too-many-nodes', 'There are as many nodes as HOLDFAST_MAX_NODES allows.');
}

/** Throws the problem `node-over-quota`. */
export function refuseOverQuota(
  node: string,
  { quota, monotonic }: Pick<RouteContext, 'quota' | 'monotonic'>,
): void {
  const waitMs = quota.waitMs(node, monotonic());
  if (waitMs === 0) return;
  throw new ProblemError(
    'node-over-quota',
    'This node has sent more than it may: HOLDFAST_NODE_EVENTS_PER_HOUR, HOLDFAST_NODE_MIB_PER_HOUR.',
    {},
    Math.min(maxRetryAfterSeconds, Math.ceil(waitMs / 1000)),
  );
}
