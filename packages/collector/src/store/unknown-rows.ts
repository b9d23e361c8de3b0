/** The paths of a node that are unknown at present. */
import type { Database } from 'better-sqlite3';
import type { UnknownReason } from '@holdfast/shared/compare';
import { bucketOf } from '@holdfast/shared/manifest';
import type { DriftEffects } from '#core/node-state';

interface UnknownPath {
  readonly path: string;
  readonly reason: UnknownReason;
}

export function unknownRows(db: Database) {
  const sql = {
    inBucket: db.prepare<[number, number], UnknownPath>(
      'SELECT path, reason FROM unknown_path WHERE node = ? AND bucket = ?',
    ),
    list: db.prepare<[number], UnknownPath>(
      'SELECT path, reason FROM unknown_path WHERE node = ? ORDER BY path',
    ),
    add: db.prepare('INSERT INTO unknown_path (node, bucket, path, reason) VALUES (?, ?, ?, ?)'),
    change: db.prepare('UPDATE unknown_path SET reason = ? WHERE node = ? AND bucket = ? AND path = ?'),
    forget: db.prepare('DELETE FROM unknown_path WHERE node = ? AND bucket = ? AND path = ?'),
  };
  return {
    inBucket: (node: number, bucket: number): Map<string, UnknownReason> =>
      new Map(sql.inBucket.all(node, bucket).map(({ path, reason }) => [path, reason])),

    /** Sorted by path. */
    list: (node: number): UnknownPath[] => sql.list.all(node),

    /** Writes what became unknown and known; returns by how many paths there are more unknown ones. */
    apply(node: number, { unknown, known }: DriftEffects): number {
      let more = 0;
      for (const path of known) more -= sql.forget.run(node, bucketOf(path), path).changes;
      for (const { path, reason } of unknown) {
        const bucket = bucketOf(path);
        if (sql.change.run(reason, node, bucket, path).changes > 0) continue;
        sql.add.run(node, bucket, path, reason);
        more += 1;
      }
      return more;
    },
  };
}
