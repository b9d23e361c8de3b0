/**
 * Nodes that differ from their siblings: looked for when it is asked, in short steps, over what was observed. A bucket that is
 * the same everywhere is not opened, and another is opened once for each form that it has.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import { bucketCount, bucketOf, emptyBucketDigest } from '@holdfast/shared/manifest';
import { visibilityOf } from '@holdfast/shared/visibility';
import { type Deviation, type OddEntry, oddEntry, SiblingBucket } from '#core/odd-entries';
import type { NodeRecord } from '#store/node-rows';
import { reading } from '#store/storage-error';

export interface OutlierLimits {
  /** Odd nodes that are listed. */
  readonly nodes: number;
  /** Paths that are shown of each. */
  readonly pathsPerNode: number;
  /** Buckets that one look opens: those of few forms first. */
  readonly buckets: number;
}

export const outlierLimits: OutlierLimits = { nodes: 1000, pathsPerNode: 50, buckets: 400_000 };

export interface Outlier {
  readonly node: string;
  /** How many nodes have its scope, itself included. */
  readonly siblings: number;
  readonly scopeDigest: string;
  /** All paths on which it is odd and does not drift. */
  readonly paths: number;
  /** Sorted by path. */
  readonly shown: readonly OddEntry[];
}

export interface Outliers {
  /** Sorted by name. */
  readonly nodes: readonly Outlier[];
  readonly hiddenNodes: number;
  /** Buckets, of {@link bucketCount} a scope, that were not looked into because of the limit. */
  readonly bucketsLeftOut: number;
}

export interface OutlierStore {
  /** As of the time of the call or later; what moves meanwhile may show as it was or as it is. Calls share one look. */
  look(): Promise<Outliers>;
}

const digestBytes = 32;
const maxStepMillis = 10;
const emptyDigest = Buffer.from(emptyBucketDigest, 'hex').toString('latin1');

/** `live`: nodes that are not deleted. */
export function outlierStore(
  db: Database,
  live: () => readonly NodeRecord[],
  limits: OutlierLimits = outlierLimits,
): OutlierStore {
  const sql = prepare(db);
  let looking: Promise<Outliers> | null = null;
  return {
    async look() {
      // One that began before this call may lack what was written before it.
      await looking?.catch(() => null);
      looking ??= new Look(sql, limits).over(live()).finally(() => {
        looking = null;
      });
      return looking;
    },
  };
}

interface Found {
  readonly record: NodeRecord;
  readonly siblings: number;
  paths: number;
  readonly shown: OddEntry[];
}

/** The nodes that hold each form of one bucket, by the form's digest. */
type Forms = Map<string, number[]>;

interface FirstForms {
  readonly bytes: Buffer;
  readonly nodes: readonly number[][];
}

class Look {
  readonly #sql: ReturnType<typeof prepare>;
  readonly #limits: OutlierLimits;
  readonly #found = new Map<number, Found>();
  readonly #hidden = new Set<number>();
  #opened = 0;
  #leftOut = 0;
  #stepEnds = performance.now() + maxStepMillis;

  constructor(sql: ReturnType<typeof prepare>, limits: OutlierLimits) {
    this.#sql = sql;
    this.#limits = limits;
  }

  async over(live: readonly NodeRecord[]): Promise<Outliers> {
    for (const siblings of Map.groupBy(live, scopeOf).values()) {
      if (siblings[0]!.observed !== null) await this.#amongst(siblings);
    }
    const nodes = [...this.#found.values()].map(({ record: { state, observed }, shown, ...rest }) => ({
      ...rest,
      node: state.name,
      scopeDigest: observed!.scopeDigest,
      shown: shown.sort((a, b) => (a.path < b.path ? -1 : 1)),
    }));
    nodes.sort((a, b) => (a.node < b.node ? -1 : 1));
    return { nodes, hiddenNodes: this.#hidden.size, bucketsLeftOut: this.#leftOut };
  }

  async #amongst(siblings: readonly NodeRecord[]): Promise<void> {
    const buckets = (await this.#forms(siblings)).filter((forms) => forms.size > 1);
    buckets.sort((a, b) => a.size - b.size);
    for (const forms of buckets) {
      if (this.#opened + forms.size > this.#limits.buckets) this.#leftOut += 1;
      else await this.#lookInto(forms, siblings);
    }
  }

  async #forms(siblings: readonly NodeRecord[]): Promise<Forms[]> {
    const buckets = Array.from({ length: bucketCount }, (): Forms => new Map());
    let first = null as FirstForms | null; // most nodes share most of these, which is seen without a digest being looked up
    for (const [i, { observed }] of siblings.entries()) {
      await this.#pause();
      const bytes = reading(() => this.#sql.buckets.get(observed!.id));
      if (!bytes) continue; // it was replaced meanwhile
      for (const [index, forms] of buckets.entries()) {
        const from = index * digestBytes;
        if (first?.bytes.compare(bytes, from, from + digestBytes, from, from + digestBytes) === 0) {
          first.nodes[index]!.push(i);
          continue;
        }
        const digest = bytes.toString('latin1', from, from + digestBytes);
        const holders = forms.get(digest);
        if (holders) holders.push(i);
        else forms.set(digest, [i]);
      }
      first ??= { bytes, nodes: buckets.map((forms) => [...forms.values()][0]!) };
    }
    return buckets;
  }

  async #lookInto(forms: Forms, siblings: readonly NodeRecord[]): Promise<void> {
    const bucket = new SiblingBucket();
    for (const [digest, nodes] of forms) {
      await this.#pause();
      this.#opened += 1;
      const text = this.#textOf(digest);
      if (text !== null) bucket.add(text, nodes);
    }
    for (const deviation of bucket.deviations()) {
      await this.#pause();
      if (deviation)
        for (const node of deviation.nodes) this.#take(deviation, siblings[node]!, siblings.length);
    }
  }

  /** Null: nobody holds it any more. */
  #textOf(digest: string): string | null {
    if (digest === emptyDigest) return '';
    const content = reading(() => this.#sql.content.get(Buffer.from(digest, 'latin1')));
    return content ? zstdDecompressSync(content).toString() : null;
  }

  #take(deviation: Deviation, record: NodeRecord, siblings: number): void {
    const odd = oddEntry(deviation, visibilityOf(record.state.blindSpots, null));
    if (!odd || reading(() => this.#sql.drifts.get(record.id, bucketOf(odd.path), odd.path))) return;
    const found = this.#found.get(record.id);
    if (found) {
      found.paths += 1;
      if (found.shown.length < this.#limits.pathsPerNode) found.shown.push(odd);
    } else if (this.#found.size < this.#limits.nodes) {
      this.#found.set(record.id, { record, siblings, paths: 1, shown: [odd] });
    } else this.#hidden.add(record.id);
  }

  async #pause(): Promise<void> {
    if (performance.now() < this.#stepEnds) return;
    await nextTurn();
    this.#stepEnds = performance.now() + maxStepMillis;
  }
}

function scopeOf({ observed }: NodeRecord): string | null {
  return observed && observed.scopeDigest;
}

function prepare(db: Database) {
  return {
    buckets: db.prepare<[number], Buffer>('SELECT buckets FROM manifest WHERE id = ?').pluck(),
    content: db.prepare<[Buffer], Buffer>('SELECT content FROM bucket WHERE digest = ?').pluck(),
    drifts: db
      .prepare<[number, number, string], number>(
        'SELECT 1 FROM drift WHERE node = ? AND bucket = ? AND path = ? AND ended_at IS NULL',
      )
      .pluck(),
  };
}
