/** Standing drift of a node, and of all. However much it is, others have their turn in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bucketCount } from '@holdfast/shared/manifest';
import type { Millis } from '#core/node-state';
import type { DriftRows } from '#store/drift-rows';
import type { NodeRecord } from '#store/node-rows';
import { reading } from '#store/storage-error';
import type { DriftRecord, ShownDrifts } from '#store/store';

/** How long a turn may hold the event loop, roughly. */
const turnMillis = 10;
/** A node's drifts are read in steps of about so many. */
const driftsPerTurn = 1000;

/** Sorted by path. */
export async function standingDriftOf(drifts: DriftRows, record: NodeRecord): Promise<DriftRecord[]> {
  const steps = Math.max(1, Math.ceil(countOf(record) / driftsPerTurn));
  const bucketsPerStep = Math.ceil(bucketCount / steps);
  const all: DriftRecord[] = [];
  for (let first = 0; first < bucketCount; first += bucketsPerStep) {
    if (first > 0) await nextTurn();
    const last = Math.min(first + bucketsPerStep, bucketCount) - 1;
    const some = reading(() => drifts.records(record.state.name, record.id, [first, last]));
    for (const one of some) all.push(one);
  }
  return all.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of each node that drifts. */
export async function shownDriftOf(
  drifts: DriftRows,
  nodes: readonly NodeRecord[],
  which: { readonly limit: number; readonly now: Millis },
): Promise<ShownDrifts[]> {
  const all: ShownDrifts[] = [];
  const drifting = nodes.filter((node) => countOf(node) > 0);
  let until = performance.now() + turnMillis;
  for (const { id, state } of drifting) {
    all.push({ node: state.name, ...reading(() => drifts.shown(id, which)) });
    if (performance.now() > until) {
      await nextTurn();
      until = performance.now() + turnMillis;
    }
  }
  return all;
}

function countOf({ drift: { added, removed, changed } }: NodeRecord): number {
  return added + removed + changed;
}
