/**
 * The drift of the fleet in rows. A row is the changes that stand on exactly the same nodes: after an upgrade of a
 * thousand nodes its eight hundred changes are one row of a thousand nodes, and what one of them has on top of that is a
 * row of its own, of one node.
 */
import { hash } from 'node:crypto';

export interface FleetRow {
  /** Follows from the changes alone, so that it names what was looked at, on whichever nodes. */
  readonly id: string;
  /** Sorted; see drift-fingerprint.ts. */
  readonly fingerprints: readonly string[];
  readonly nodes: number;
}

export interface FleetView {
  /** Those on most nodes first; of the same number of nodes, those of most changes. */
  readonly rows: readonly FleetRow[];
  /** Different changes that are left out because there are more than {@link maxFleetChanges}. */
  readonly hiddenChanges: number;
}

/** How many different changes the rows take in. */
export const maxFleetChanges = 500_000;

/** Three random 32-bit numbers for each node, that nobody outside knows; by number of the node. */
export type NodeKeys = ReadonlyMap<number, readonly [number, number, number]>;

/** The set of nodes on which one change stands: two sets are taken for the same if these are. */
interface NodeSet {
  nodes: number;
  readonly sum: [number, number, number];
}

export class FleetGrouping {
  readonly #keys: NodeKeys;
  readonly #groups = new Map<string, { nodes: number; fingerprints: string[] }>();
  #present: { readonly fingerprint: string; readonly set: NodeSet } | null = null;
  #changes = 0;
  #hidden = 0;

  constructor(keys: NodeKeys) {
    this.#keys = keys;
  }

  /** All nodes of one fingerprint must come one after the other. A node that has no key is left out. */
  add(fingerprint: string, node: number): void {
    const key = this.#keys.get(node);
    if (!key) return;
    if (this.#present?.fingerprint !== fingerprint) {
      this.#close();
      this.#present = { fingerprint, set: { nodes: 0, sum: [0, 0, 0] } };
    }
    const { set } = this.#present;
    set.nodes += 1;
    for (const i of [0, 1, 2] as const) set.sum[i] = (set.sum[i] ^ key[i]) >>> 0;
  }

  finish(): FleetView {
    this.#close();
    const rows = [...this.#groups.values()].map(({ nodes, fingerprints }) => {
      fingerprints.sort();
      return { id: rowId(fingerprints), fingerprints, nodes };
    });
    rows.sort(
      (a, b) => b.nodes - a.nodes || b.fingerprints.length - a.fingerprints.length || (a.id < b.id ? -1 : 1),
    );
    return { rows, hiddenChanges: this.#hidden };
  }

  #close(): void {
    if (!this.#present) return;
    const { fingerprint, set } = this.#present;
    this.#present = null;
    if (this.#changes >= maxFleetChanges) {
      this.#hidden += 1;
      return;
    }
    this.#changes += 1;
    const key = [set.nodes, ...set.sum].join(':');
    const group = this.#groups.get(key);
    if (group) group.fingerprints.push(fingerprint);
    else this.#groups.set(key, { nodes: set.nodes, fingerprints: [fingerprint] });
  }
}

/** 32 hex digits. `fingerprints` must be sorted. */
export function rowId(fingerprints: readonly string[]): string {
  return hash('sha256', fingerprints.join('\n')).slice(0, 32);
}
