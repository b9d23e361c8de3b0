/** AIDE's databases: immutable, one row a digest, kept while something refers to them. */
import { hash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import type { Millis } from '#core/node-state';

/** Databases that a node may have brought with no run that names them. The oldest give way. */
export const maxAideUploadsPerNode = 3;

export interface PackedAideDatabase {
  readonly digest: string;
  readonly entries: number;
  /** Bytes of the text. */
  readonly bytes: number;
  /** zstd over the text. */
  readonly packed: Buffer;
}

export type AideDatabaseRows = ReturnType<typeof aideDatabaseRows>;

export function aideDatabaseRows(db: Database) {
  const sql = prepare(db);
  const idOf = (digest: string) => sql.idOf.get(Buffer.from(digest, 'hex'));

  /** Null if there is none of that digest, or if what is kept under it has another. */
  const text = (digest: string): string | null => {
    const packed = sql.packed.get(Buffer.from(digest, 'hex'));
    const content = packed ? unpacked(packed) : null;
    return content && hash('sha256', content) === digest ? content.toString('latin1') : null;
  };

  /** Takes the place of one that was altered. */
  const add = ({ digest, entries, bytes, packed }: PackedAideDatabase): number => {
    const id = idOf(digest);
    if (id === undefined)
      return Number(sql.add.run(Buffer.from(digest, 'hex'), entries, bytes, packed).lastInsertRowid);
    if (text(digest) === null) sql.mend.run(packed, id);
    return id;
  };

  return {
    idOf,
    add,
    text,
    /** What the node has brought, or was given as a baseline; null for those of other nodes. */
    packedOf: (node: number, digest: string): Buffer | null =>
      sql.packedOf.get({ node, digest: Buffer.from(digest, 'hex') }) ?? null,

    upload(node: number, database: PackedAideDatabase, at: Millis): void {
      sql.upload.run(node, add(database), at);
      for (const id of sql.oldUploads.all(node, maxAideUploadsPerNode)) {
        sql.forgetUpload.run(node, id);
        sql.dropUnused.run({ id });
      }
    },
    /** Drops it unless something refers to it. */
    dropUnused: (id: number): boolean => sql.dropUnused.run({ id }).changes > 0,
    /** Forgets what was brought before `at`; returns how many databases are gone. */
    dropStale(at: Millis): number {
      sql.forgetStale.run(at);
      return sql.unused.all().filter((id) => sql.dropUnused.run({ id }).changes > 0).length;
    },
    /** A run has named what it brought. */
    forgetUploads: (node: number): readonly number[] => sql.forgetUploads.all(node),
  };
}

function unpacked(packed: Buffer): Buffer | null {
  try {
    return zstdDecompressSync(packed);
  } catch {
    return null;
  }
}

function prepare(db: Database) {
  const isUnused = (id: string) =>
    ['baseline', 'newest', 'offered']
      .map((column) => `NOT EXISTS (SELECT 1 FROM aide_node WHERE ${column} = ${id})`)
      .concat(
        `NOT EXISTS (SELECT 1 FROM aide_baseline WHERE database = ${id})`,
        `NOT EXISTS (SELECT 1 FROM aide_upload WHERE database = ${id})`,
      )
      .join(' AND ');
  return {
    idOf: db.prepare<[Buffer], number>('SELECT id FROM aide_database WHERE digest = ?').pluck(),
    packed: db.prepare<[Buffer], Buffer>('SELECT content FROM aide_database WHERE digest = ?').pluck(),
    packedOf: db
      .prepare<{ node: number; digest: Buffer }, Buffer>(
        `SELECT content FROM aide_database AS it WHERE digest = @digest AND (
           EXISTS (SELECT 1 FROM aide_upload WHERE node = @node AND database = it.id)
           OR EXISTS (SELECT 1 FROM aide_node WHERE node = @node AND it.id IN (baseline, newest, offered))
           OR EXISTS (SELECT 1 FROM aide_baseline WHERE node = @node AND database = it.id))`,
      )
      .pluck(),
    add: db.prepare('INSERT INTO aide_database (digest, entries, bytes, content) VALUES (?, ?, ?, ?)'),
    mend: db.prepare('UPDATE aide_database SET content = ? WHERE id = ?'),
    upload: db.prepare(
      'INSERT INTO aide_upload (node, database, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at',
    ),
    oldUploads: db
      .prepare<[number, number], number>(
        'SELECT database FROM aide_upload WHERE node = ? ORDER BY at DESC, database DESC LIMIT -1 OFFSET ?',
      )
      .pluck(),
    forgetUpload: db.prepare('DELETE FROM aide_upload WHERE node = ? AND database = ?'),
    forgetUploads: db
      .prepare<[number], number>('DELETE FROM aide_upload WHERE node = ? RETURNING database')
      .pluck(),
    forgetStale: db.prepare('DELETE FROM aide_upload WHERE at < ?'),
    unused: db
      .prepare<[], number>(`SELECT id FROM aide_database WHERE ${isUnused('aide_database.id')}`)
      .pluck(),
    dropUnused: db.prepare<{ id: number }>(`DELETE FROM aide_database WHERE id = @id AND ${isUnused('@id')}`),
  };
}
