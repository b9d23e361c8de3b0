/** Scopes, buckets and manifests: immutable, one row a digest. */
import type { Database } from 'better-sqlite3';
import { bucketCount } from '@holdfast/shared/manifest';
import type { Scope } from '@holdfast/shared/scope';
import type { ManifestRecord } from '#core/node-state';
import { bucketRows } from '#store/bucket-rows';

const digestBytes = 32;

/** A manifest but for its bucket digests. */
export interface ManifestHead {
  readonly id: number;
  readonly digest: string;
  readonly scopeDigest: string;
  readonly entries: number;
  readonly unread: number;
}

interface HeadRow {
  readonly id: number;
  readonly digest: Buffer;
  readonly scope: Buffer;
  readonly entries: number;
  readonly unread: number;
}

export type ManifestRows = ReturnType<typeof manifestRows>;

export function manifestRows(db: Database) {
  const head = 'SELECT id, digest, scope, entries, unread FROM manifest';
  const sql = {
    headByDigest: db.prepare<[Buffer], HeadRow>(`${head} WHERE digest = ?`),
    headById: db.prepare<[number], HeadRow>(`${head} WHERE id = ?`),
    bucketsOf: db.prepare<[Buffer], Buffer>('SELECT buckets FROM manifest WHERE digest = ?').pluck(),
    addManifest: db.prepare(
      'INSERT INTO manifest (digest, scope, entries, unread, buckets) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    dropUnused: db.prepare<{ id: number }>(`
      DELETE FROM manifest WHERE id = @id
        AND NOT EXISTS (SELECT 1 FROM node WHERE observed = @id)
        AND NOT EXISTS (SELECT 1 FROM baseline WHERE manifest = @id)`),
    scope: db.prepare<[Buffer], string>('SELECT document FROM scope WHERE digest = ?').pluck(),
    addScope: db.prepare('INSERT INTO scope (digest, document) VALUES (?, ?) ON CONFLICT DO NOTHING'),
  };

  const bucketDigests = (digest: string): string[] => {
    const bytes = sql.bucketsOf.get(toBytes(digest));
    if (!bytes) throw new Error(`the store lacks the manifest ${digest}`);
    return splitDigests(bytes);
  };

  return {
    /** Undefined if there is no such manifest. */
    head(digest: string): ManifestHead | undefined {
      const row = sql.headByDigest.get(toBytes(digest));
      return row && toHead(row);
    },
    headById(id: number): ManifestHead {
      const row = sql.headById.get(id);
      if (!row) throw new Error(`the store lacks manifest number ${id}`);
      return toHead(row);
    },
    bucketDigests,
    /** The bucket digests are read when they are asked for. */
    record: (head: ManifestHead): ManifestRecord => new StoredManifest(head, bucketDigests),
    addManifest(manifest: ManifestRecord): void {
      const { digest, scopeDigest, entries, unread } = manifest;
      const buckets = Buffer.from(manifest.bucketDigests.join(''), 'hex');
      if (buckets.length !== bucketCount * digestBytes) throw new Error(`manifest ${digest} is not whole`);
      sql.addManifest.run(toBytes(digest), toBytes(scopeDigest), entries, unread, buckets);
    },
    /** Drops the manifest if it is no baseline and no node's observed one. Returns whether it did. */
    dropUnused: (id: number): boolean => sql.dropUnused.run({ id }).changes > 0,
    ...bucketRows(db),
    scope(digest: string): Scope | null {
      const document = sql.scope.get(toBytes(digest));
      return document === undefined ? null : (JSON.parse(document) as Scope);
    },
    addScope(digest: string, document: Scope): void {
      sql.addScope.run(toBytes(digest), JSON.stringify(document));
    },
  };
}

class StoredManifest implements ManifestRecord {
  readonly digest: string;
  readonly scopeDigest: string;
  readonly entries: number;
  readonly unread: number;
  readonly #read: (digest: string) => readonly string[];
  #bucketDigests: readonly string[] | undefined;

  constructor(head: ManifestHead, read: (digest: string) => readonly string[]) {
    this.digest = head.digest;
    this.scopeDigest = head.scopeDigest;
    this.entries = head.entries;
    this.unread = head.unread;
    this.#read = read;
  }

  get bucketDigests(): readonly string[] {
    return (this.#bucketDigests ??= this.#read(this.digest));
  }
}

function toHead({ id, digest, scope, entries, unread }: HeadRow): ManifestHead {
  return { id, digest: digest.toString('hex'), scopeDigest: scope.toString('hex'), entries, unread };
}

function toBytes(digest: string): Buffer {
  return Buffer.from(digest, 'hex');
}

function splitDigests(bytes: Buffer): string[] {
  const hex = bytes.toString('hex');
  return Array.from({ length: bucketCount }, (_, i) =>
    hex.slice(i * digestBytes * 2, (i + 1) * digestBytes * 2),
  );
}
