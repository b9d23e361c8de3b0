/**
 * Which nodes differ from their siblings, whatever their own baselines say. Siblings are nodes with the same scope. Rules, for one path:
 * 1. What {@link majorityPercent} of them or more have there, or that they have nothing there, is what is usual. A path
 *    without such a majority (host keys, the machine-id) has no odd ones out.
 * 2. A node is odd there if a comparison with what is usual finds a difference; what is unknown on either side is none.
 */
import { type Change, compareEntries, type Visibility } from '@holdfast/shared/compare';
import { type Entry, parseEntryLine } from '@holdfast/shared/entry';

export const majorityPercent = 80;

/** One path on which a node is odd. `before` is what is usual, `after` what the node has. */
export interface OddEntry extends Change {
  /** How many siblings have what is usual. */
  readonly siblings: number;
}

/** An entry that differs from what is usual, and the nodes that have it. */
export interface Deviation {
  readonly usual: Entry | null;
  readonly found: Entry | null;
  readonly siblings: number;
  readonly nodes: readonly number[];
}

interface Variant {
  readonly nodes: readonly number[];
  /** Canonical lines by path. */
  readonly lines: ReadonlyMap<string, string>;
}

/** One of the 256 buckets, as it is on each of the siblings. */
export class SiblingBucket {
  readonly #variants: Variant[] = [];
  /** By path, then by line: how many nodes have it. */
  readonly #counts = new Map<string, Map<string, number>>();
  #nodes = 0;

  /** `text`: canonical lines; those of no other call. */
  add(text: string, nodes: readonly number[]): void {
    const lines = new Map<string, string>();
    for (const line of text === '' ? [] : text.slice(0, -1).split('\n')) {
      const path = line.slice(0, line.indexOf('\t'));
      lines.set(path, line);
      const counts = this.#counts.get(path);
      if (counts) counts.set(line, (counts.get(line) ?? 0) + nodes.length);
      else this.#counts.set(path, new Map([[line, nodes.length]]));
    }
    this.#variants.push({ nodes, lines });
    this.#nodes += nodes.length;
  }

  /** Yields null now and then where nothing was found, so that the caller may pause. */
  *deviations(): Generator<Deviation | null> {
    const usual = this.#usual();
    for (const { nodes, lines } of this.#variants) {
      yield null;
      for (const [path, { line, siblings }] of usual) {
        const found = lines.get(path) ?? null;
        if (found === line) continue;
        yield { usual: entryOf(line), found: entryOf(found), siblings, nodes };
      }
    }
  }

  /** Only of paths on which some node has something else. */
  #usual() {
    const usual = new Map<string, { readonly line: string | null; readonly siblings: number }>();
    for (const [path, counts] of this.#counts) {
      let absent = this.#nodes;
      let most: { line: string | null; siblings: number } = { line: null, siblings: 0 };
      for (const [line, siblings] of counts) {
        absent -= siblings;
        if (siblings > most.siblings) most = { line, siblings };
      }
      if (absent > most.siblings) most = { line: null, siblings: absent };
      const isUnanimous = most.siblings === this.#nodes;
      if (!isUnanimous && most.siblings * 100 >= this.#nodes * majorityPercent) usual.set(path, most);
    }
    return usual;
  }
}

/** Null: nothing certain can be said, or it comes to the same. */
export function oddEntry({ usual, found, siblings }: Deviation, visibility: Visibility): OddEntry | null {
  if (usual?.unread !== undefined) return null;
  const drift = compareEntries(usual, found, visibility)?.drift;
  return drift ? { ...drift, siblings } : null;
}

function entryOf(line: string | null): Entry | null {
  return line === null ? null : parseEntryLine(line);
}
