/**
 * The drift of the fleet in rows. A row is the changes that stand on exactly the same nodes: after an upgrade of a
 * thousand nodes its eight hundred changes are one row of a thousand nodes, and what one of them has on top of that is a
 * row of its own, of one node.
 */
import { hash } from 'node:crypto';

export interface FleetRow {
  /** Follows from the changes alone, so that it names what was looked at, on whichever nodes. */
  readonly id: string;
  /** Sorted by fingerprint. */
  readonly changes: readonly RowChange[];
  readonly nodes: number;
}

export interface RowChange {
  /** See drift-fingerprint.ts. */
  readonly fingerprint: string;
  /** The number of one drift that is this change, on whichever of the nodes. */
  readonly drift: number;
}

export interface FleetView {
  /** Those on most nodes first; of the same number of nodes, those of most changes. */
  readonly rows: readonly FleetRow[];
  /** Drifts that are in no row because there are more than {@link maxFleetChanges} different changes. */
  readonly hiddenChanges: number;
}

/** How many different changes the rows take in. */
export const maxFleetChanges = 500_000;

const changesPerStep = 2000;

/** Three random 32-bit numbers for each node, that nobody outside knows; by number of the node. */
export type NodeKeys = ReadonlyMap<number, readonly [number, number, number]>;

/** A change, and the set of nodes on which it stands: two sets are taken for the same if their sums are. */
interface ChangeOnNodes extends RowChange {
  nodes: number;
  readonly sum: [number, number, number];
}

export class FleetGrouping {
  readonly #keys: NodeKeys;
  readonly #changes = new Map<string, ChangeOnNodes>();
  #hidden = 0;

  constructor(keys: NodeKeys) {
    this.#keys = keys;
  }

  /** In any order; a node has a change once. A node that has no key is left out. */
  add(fingerprint: string, node: number, drift: number): void {
    const key = this.#keys.get(node);
    if (!key) return;
    let change = this.#changes.get(fingerprint);
    if (!change) {
      if (this.#changes.size >= maxFleetChanges) {
        this.#hidden += 1;
        return;
      }
      change = { fingerprint, drift, nodes: 0, sum: [0, 0, 0] };
      this.#changes.set(fingerprint, change);
    }
    change.nodes += 1;
    for (const i of [0, 1, 2] as const) change.sum[i] = (change.sum[i] ^ key[i]) >>> 0;
  }

  /** In steps that take a few milliseconds each; whoever asks may do something else in between. */
  *finish(): Generator<void, FleetView> {
    const groups = new Map<string, ChangeOnNodes[]>();
    let done = 0;
    for (const change of this.#changes.values()) {
      const { nodes, sum } = change;
      const key = `${nodes}:${sum[0]}:${sum[1]}:${sum[2]}`;
      const group = groups.get(key);
      if (group) group.push(change);
      else groups.set(key, [change]);
      if (++done % changesPerStep === 0) yield;
    }
    const rows: FleetRow[] = [];
    for (const group of groups.values()) {
      rows.push(rowOf(group));
      const before = done;
      done += group.length;
      if (Math.floor(done / changesPerStep) > Math.floor(before / changesPerStep)) yield;
    }
    rows.sort((a, b) => b.nodes - a.nodes || b.changes.length - a.changes.length || (a.id < b.id ? -1 : 1));
    return { rows, hiddenChanges: this.#hidden };
  }
}

function rowOf(group: readonly ChangeOnNodes[]): FleetRow {
  const changes = group
    .map(({ fingerprint, drift }) => ({ fingerprint, drift }))
    .sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  return { id: rowId(changes.map(({ fingerprint }) => fingerprint)), changes, nodes: group[0]!.nodes };
}

/** 32 hex digits. `fingerprints` must be sorted. */
export function rowId(fingerprints: readonly string[]): string {
  return hash('sha256', fingerprints.join('\n')).slice(0, 32);
}
