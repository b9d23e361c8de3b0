/** Drops baselines that nobody goes back to any more: what they held is most of what a node costs that is often accepted. */
import type { Millis } from '#core/node-state';
import type { BaselineRows } from '#store/baseline-rows';
import type { GroupCommit } from '#store/group-commit';
import type { NodeRecord } from '#store/node-rows';

/** The newest of each node, the present one included, stay however old they are. */
export const keptBaselines = 20;

const nodesPerStep = 200;
const baselinesPerStep = 200;

/** Returns how many were dropped. Their records in the audit stay. */
export async function dropOldBaselines(
  baselines: BaselineRows,
  commits: GroupCommit,
  nodes: readonly NodeRecord[],
  before: Millis,
): Promise<number> {
  let dropped = 0;
  for (let from = 0; from < nodes.length; ) {
    const step = await commits.run(() => dropSome(baselines, nodes, from, before));
    dropped += step.dropped;
    from = step.next;
  }
  return dropped;
}

/** `next` is the node to go on with. */
function dropSome(
  baselines: BaselineRows,
  nodes: readonly NodeRecord[],
  from: number,
  before: Millis,
): { readonly dropped: number; readonly next: number } {
  let dropped = 0;
  for (const [i, { id, state }] of nodes.slice(from, from + nodesPerStep).entries()) {
    const upTo = (state.baseline?.sequence ?? 0) - keptBaselines;
    if (upTo > 0) dropped += baselines.drop(id, upTo, before, baselinesPerStep - dropped);
    if (dropped === baselinesPerStep) return { dropped, next: from + i };
  }
  return { dropped, next: from + nodesPerStep };
}
