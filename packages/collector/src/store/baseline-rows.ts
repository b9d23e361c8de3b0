/** The baselines of a node, one row each; rows are added, never changed, and the oldest are dropped at last. */
import type { Database } from 'better-sqlite3';
import type { BaselineRecord, Millis } from '#core/node-state';

interface BaselineRow {
  readonly sequence: number;
  readonly manifest: number;
  readonly digest: Buffer;
  readonly accepted_at: number;
  readonly accepted_by: string;
  readonly reason: string | null;
  readonly reviewed: number;
  readonly paths: number;
  readonly restored_from: number | null;
}

export type BaselineRows = ReturnType<typeof baselineRows>;

export function baselineRows(db: Database) {
  const select = `SELECT baseline.*, manifest.digest FROM baseline JOIN manifest ON manifest.id = baseline.manifest
    WHERE baseline.node = ?`;
  const sql = {
    get: db.prepare<[number, number], BaselineRow>(`${select} AND baseline.sequence = ?`),
    list: db.prepare<[number], BaselineRow>(`${select} ORDER BY baseline.sequence DESC`),
    add: db.prepare(
      `INSERT INTO baseline (node, sequence, manifest, accepted_at, accepted_by, reason, reviewed, paths, restored_from)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    drop: db.prepare<{ node: number; upTo: number; before: Millis; limit: number }>(
      `DELETE FROM baseline WHERE node = @node AND sequence IN
         (SELECT sequence FROM baseline WHERE node = @node AND sequence <= @upTo AND accepted_at < @before
          ORDER BY sequence LIMIT @limit)`,
    ),
  };
  return {
    /** `manifest` is the number of its row. */
    get(node: number, sequence: number): { record: BaselineRecord; manifest: number } | null {
      const row = sql.get.get(node, sequence);
      return row ? { record: toBaseline(row), manifest: row.manifest } : null;
    },
    /** Newest first. */
    list: (node: number): BaselineRecord[] => sql.list.all(node).map(toBaseline),
    /** Of those with a sequence up to `upTo`, the oldest that were accepted before `before`, `limit` at most; returns how many. */
    drop: (node: number, upTo: number, before: Millis, limit: number): number =>
      sql.drop.run({ node, upTo, before, limit }).changes,
    add(node: number, baseline: BaselineRecord, manifest: number): void {
      const { sequence, acceptedAt, acceptedBy, reason, reviewed, paths, restoredFrom } = baseline;
      sql.add.run(
        node,
        sequence,
        manifest,
        acceptedAt,
        acceptedBy,
        reason,
        reviewed ? 1 : 0,
        paths,
        restoredFrom,
      );
    },
  };
}

function toBaseline(row: BaselineRow): BaselineRecord {
  return {
    sequence: row.sequence,
    manifest: row.digest.toString('hex'),
    acceptedAt: row.accepted_at,
    acceptedBy: row.accepted_by,
    reason: row.reason,
    reviewed: row.reviewed === 1,
    paths: row.paths,
    restoredFrom: row.restored_from,
  };
}
