/**
 * Removes manifests, buckets and scopes that nothing refers to: marks what every manifest holds, then sweeps the buckets that
 * were there at the start. Both go in steps between which other operations run. Nothing that is in use can be swept,
 * because while it runs every manifest that is written is marked too, and so is every one that is being streamed.
 */
import type { Database } from 'better-sqlite3';
import { BucketMarks, markOffsets } from '#store/bucket-marks';
import type { GroupCommit } from '#store/group-commit';
import type { ManifestRows } from '#store/manifest-rows';

/** A step looks at the clock after each such slice, and ends when its time is up. */
const maxStepMillis = 10;
const manifestsPerSlice = 16;
const bucketsPerSlice = 64;

export class UnusedBuckets {
  readonly #commits: GroupCommit;
  readonly #manifests: ManifestRows;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #streamed = new Map<symbol, readonly string[]>();
  #marks: BucketMarks | null = null;

  constructor(db: Database, commits: GroupCommit, manifests: ManifestRows) {
    this.#commits = commits;
    this.#manifests = manifests;
    this.#sql = prepare(db);
  }

  /** To be called for every manifest that is written. */
  wrote(bucketDigests: readonly string[]): void {
    this.#mark(bucketDigests);
  }

  /** Keeps buckets until the returned function is called. */
  keep(bucketDigests: readonly string[]): () => void {
    const key = Symbol('stream');
    this.#streamed.set(key, bucketDigests);
    this.#mark(bucketDigests);
    return () => void this.#streamed.delete(key);
  }

  /** `random` is from 0 to 1. One at a time. */
  async remove(random: number): Promise<{ manifests: number; buckets: number }> {
    if (this.#marks) throw new Error('unused buckets are being removed already');
    this.#marks = new BucketMarks(Math.floor(random * markOffsets));
    try {
      const last = await this.#commits.run(() => this.#sql.lastBucket.get() ?? 0);
      for (const digests of this.#streamed.values()) this.#mark(digests);
      const manifests = await this.#inSteps((after) => this.#markSlice(after));
      const buckets = await this.#inSteps((after) => this.#sweepSlice(after, last));
      await this.#commits.run(() => this.#sql.dropScopes.run());
      return { manifests, buckets };
    } finally {
      this.#marks = null;
    }
  }

  /** Runs slices, each from where the one before ended, until there is none left; returns how much they removed. */
  async #inSteps(slice: (after: number) => Slice): Promise<number> {
    let after: number | null = 0;
    let removed = 0;
    while (after !== null) {
      const from: number = after;
      const step = await this.#commits.run(() => takeStep(slice, from));
      removed += step.removed;
      after = step.next;
    }
    return removed;
  }

  #markSlice(after: number): Slice {
    const ids = this.#sql.manifestsAfter.all(after, manifestsPerSlice);
    let removed = 0;
    for (const { id, digest } of ids) {
      if (this.#manifests.dropUnused(id)) removed += 1;
      else this.#mark(this.#manifests.bucketDigests(digest.toString('hex')));
    }
    return { removed, next: ids.at(-1)?.id ?? null };
  }

  #sweepSlice(after: number, last: number): Slice {
    const rows = this.#sql.bucketsAfter.all(after, last, bucketsPerSlice);
    let removed = 0;
    for (const { id, digest } of rows) {
      if (this.#marks?.has(digest.toString('hex'))) continue;
      this.#sql.dropBucket.run(id);
      removed += 1;
    }
    return { removed, next: rows.at(-1)?.id ?? null };
  }

  #mark(bucketDigests: readonly string[]): void {
    if (!this.#marks) return;
    for (const digest of bucketDigests) this.#marks.add(digest);
  }
}

interface Slice {
  readonly removed: number;
  /** The number after which to go on; null at the end. */
  readonly next: number | null;
}

function takeStep(slice: (after: number) => Slice, from: number): Slice {
  const until = performance.now() + maxStepMillis;
  let step = slice(from);
  while (step.next !== null && performance.now() < until) {
    const more = slice(step.next);
    step = { removed: step.removed + more.removed, next: more.next };
  }
  return step;
}

function prepare(db: Database) {
  return {
    lastBucket: db.prepare<[], number>('SELECT max(id) FROM bucket').pluck(),
    manifestsAfter: db.prepare<[number, number], { id: number; digest: Buffer }>(
      'SELECT id, digest FROM manifest WHERE id > ? ORDER BY id LIMIT ?',
    ),
    bucketsAfter: db.prepare<[number, number, number], { id: number; digest: Buffer }>(
      'SELECT id, digest FROM bucket WHERE id > ? AND id <= ? ORDER BY id LIMIT ?',
    ),
    // An agent that is starting may have brought one of these: it is asked for it again.
    dropScopes: db.prepare(
      'DELETE FROM scope WHERE NOT EXISTS (SELECT 1 FROM manifest WHERE manifest.scope = scope.digest)',
    ),
    dropBucket: db.prepare('DELETE FROM bucket WHERE id = ?'),
  };
}
