/**
 * Nodes without files: they speak the report protocol over manifests that share an image and differ in a few entries
 * of their own, at a cost that lets one process play thousands.
 */
import { hash, randomBytes } from 'node:crypto';
import type { Entry } from '@holdfast/shared/entry';
import {
  bucketCount,
  bucketDigest,
  bucketOf,
  emptyBucketDigest,
  encodeBucket,
  manifestDigest,
} from '@holdfast/shared/manifest';
import { defaultScope } from '@holdfast/shared/default-scope';
import { scopeDigest } from '@holdfast/shared/scope';
import type { Report } from '@holdfast/shared/wire';

const scope = { digest: scopeDigest(defaultScope()), document: defaultScope() };

export interface FleetShape {
  readonly nodes: number;
  readonly entries: number;
  /** Of `entries`, how many are unlike any other node's. */
  readonly own: number;
}

export function syntheticFleet(shape: FleetShape): SyntheticNode[] {
  const image = Array.from({ length: shape.entries - shape.own }, (_, i) =>
    fileEntry(`/usr/bin/program-${i}`, `image ${i}`),
  );
  const imageBuckets = intoBuckets(image);
  const imageDigests = imageBuckets.map((entries) => bucketDigest(encodeBucket(entries)));
  return Array.from(
    { length: shape.nodes },
    (_, n) => new SyntheticNode(n, shape, imageBuckets, imageDigests),
  );
}

export class SyntheticNode {
  readonly name: string;
  readonly #imageBuckets: readonly (readonly Entry[])[];
  /** By bucket, then by path. */
  readonly #own = Array.from({ length: bucketCount }, () => new Map<string, Entry>());
  readonly #digests: string[];
  readonly #instance = randomBytes(16).toString('hex');
  readonly #journal = randomBytes(16).toString('hex');
  #entries: number;
  #sequence = 0;
  /** What the collector acknowledged. */
  base: string | null = null;

  constructor(
    number: number,
    shape: FleetShape,
    imageBuckets: readonly (readonly Entry[])[],
    imageDigests: readonly string[],
  ) {
    this.name = `node-${number}`;
    this.#entries = shape.entries;
    this.#imageBuckets = imageBuckets;
    this.#digests = [...imageDigests];
    for (let i = 0; i < shape.own; i++) {
      const entry = fileEntry(`/etc/own/file-${i}`, `${this.name} ${i}`);
      this.#own[bucketOf(entry.path)]!.set(entry.path, entry);
    }
    for (const [index, own] of this.#own.entries()) if (own.size > 0) this.#redigest(index);
  }

  get digest(): string {
    return manifestDigest(scope.digest, this.#digests);
  }

  /** Gives one of the node's own files another content, or adds one, and returns its entry. */
  change(which: number, content: string): Entry {
    const entry = fileEntry(`/etc/own/file-${which}`, content);
    const bucket = this.#own[bucketOf(entry.path)]!;
    if (!bucket.has(entry.path)) this.#entries += 1;
    bucket.set(entry.path, entry);
    this.#redigest(bucketOf(entry.path));
    return entry;
  }

  heartbeat(): Report {
    return this.#report({ base: this.base, result: this.base });
  }

  /** Asks the collector to say which buckets differ, by changing nothing on the way to `digest`. */
  probe(): Report {
    return this.#report({ base: this.base, result: this.digest, scope });
  }

  /** Sends every bucket that differs from `held`. */
  resynchronisation(observed: string | null, held: readonly string[]): Report {
    const buckets = [];
    for (let index = 0; index < bucketCount; index++) {
      if (this.#digests[index] !== held[index]) buckets.push({ index, entries: this.#bucket(index) });
    }
    return this.#report({ base: observed, result: this.digest, buckets, scope });
  }

  /** The whole manifest at once, to a collector that has none. */
  first(): Report {
    return this.resynchronisation(
      null,
      Array.from({ length: bucketCount }, () => emptyBucketDigest),
    );
  }

  difference(upserts: readonly Entry[]): Report {
    return this.#report({ base: this.base, result: this.digest, upserts: [...upserts] });
  }

  #report(part: Partial<Report>): Report {
    const now = new Date().toISOString();
    this.#sequence += 1;
    return {
      protocol: 1,
      instance: this.#instance,
      sequence: this.#sequence,
      agent: {
        version: '0.0.0',
        kernel: '6.1.0',
        os: 'Synthetic',
        machineId: this.name,
        clock: now,
        startedAt: now,
      },
      health: { phase: 'watching', watchDegraded: null, outboxDegraded: null, eventsDropped: 0 },
      scope: { digest: scope.digest },
      base: null,
      result: null,
      upserts: [],
      removed: [],
      buckets: [],
      blindSpots: [],
      entries: this.#entries,
      scans: [
        {
          net: 'metadata',
          startedAt: now,
          durationMs: 21.5,
          entries: this.#entries,
          hashed: 0,
          bytes: 0,
          unread: 0,
          changed: 0,
        },
      ],
      journal: this.#journal,
      events: [],
      commandsDone: [],
      ...part,
    };
  }

  #bucket(index: number): Entry[] {
    return [...this.#imageBuckets[index]!, ...this.#own[index]!.values()];
  }

  #redigest(index: number): void {
    this.#digests[index] = bucketDigest(encodeBucket(this.#bucket(index)));
  }
}

function intoBuckets(entries: readonly Entry[]): Entry[][] {
  const buckets = Array.from({ length: bucketCount }, (): Entry[] => []);
  for (const entry of entries) buckets[bucketOf(entry.path)]!.push(entry);
  return buckets;
}

function fileEntry(path: string, content: string): Entry {
  const sha256 = hash('sha256', content);
  return {
    path,
    type: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 1000 + (Number.parseInt(sha256.slice(0, 4), 16) % 90_000),
    sha256,
  };
}
