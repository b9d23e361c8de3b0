/** Whether a report may come in at all, before it is read: the limits that keep one caller from using up what is for all. */
import type { RouteContext } from './route.ts';
import { ProblemError } from './problem.ts';

/** Agents that have to wait come back at least this often, so that they are not taken for silent. */
const maxRetryAfterSeconds = 60;

/** Throws the problems `node-over-quota` and `too-many-nodes`. */
export async function admitReport(
  node: string,
  { store, config, quota, liveness, monotonic }: RouteContext,
): Promise<void> {
  const known = await store.node(node);
  const waitMs = quota.waitMs(node, monotonic());
  if (waitMs > 0) {
    // It lives, and is not to be called silent; but what it sees is not known.
    if (known !== null) liveness.heard(node, false);
    throw new ProblemError(
      'node-over-quota',
      'This node has reported more than it may: HOLDFAST_NODE_EVENTS_PER_HOUR, HOLDFAST_NODE_MIB_PER_HOUR.',
      {},
      Math.min(maxRetryAfterSeconds, Math.ceil(waitMs / 1000)),
    );
  }
  if (known === null && (await store.liveNodeCount()) >= config.nodeLimits.maxNodes)
    throw new ProblemError('too-many-nodes', 'There are as many nodes as HOLDFAST_MAX_NODES allows.');
}
