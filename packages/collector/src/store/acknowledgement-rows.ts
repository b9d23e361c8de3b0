/** Acknowledgements of drifts: one row an act, named by each drift that it is about. */
import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { Acknowledgement } from '#core/acknowledgement';
import type { Millis, NodeEffects } from '#core/node-state';

/** What a query over `drift` adds to read the acknowledgement of each along with it. */
export const withAcknowledgement = 'LEFT JOIN acknowledgement ON acknowledgement.id = drift.acknowledgement';
export const acknowledgedColumns =
  'acknowledgement.at AS ack_at, acknowledgement.who AS ack_who, acknowledgement.reason AS ack_reason, acknowledgement.until AS ack_until';

export interface AcknowledgedRow {
  readonly ack_at: number | null;
  readonly ack_who: string | null;
  readonly ack_reason: string | null;
  readonly ack_until: number | null;
}

export function acknowledgementOf(row: AcknowledgedRow): Acknowledgement | null {
  const { ack_at: at, ack_who: who, ack_reason: reason, ack_until: until } = row;
  return at === null || who === null || reason === null || until === null ? null : { at, who, reason, until };
}

export function acknowledgementRows(db: Database) {
  const ids = '(SELECT value FROM json_each(?))';
  const sql = {
    add: db.prepare('INSERT INTO acknowledgement (node, at, who, reason, until) VALUES (?, ?, ?, ?, ?)'),
    set: db.prepare(`UPDATE drift SET acknowledgement = ? WHERE id IN ${ids}`),
    inForce: db.prepare<[number, number], { id: number; drifts: number }>(
      `SELECT acknowledgement.id, count(*) AS drifts FROM acknowledgement
         JOIN drift ON drift.acknowledgement = acknowledgement.id
       WHERE acknowledgement.node = ? AND until > ? AND ended_at IS NULL
       GROUP BY acknowledgement.id ORDER BY acknowledgement.id`,
    ),
    drop: db.prepare<[number, number]>(
      `DELETE FROM acknowledgement WHERE id IN (
         SELECT id FROM acknowledgement WHERE until < ?
           AND NOT EXISTS (SELECT 1 FROM drift WHERE drift.acknowledgement = acknowledgement.id) LIMIT ?)`,
    ),
  };
  return {
    apply(node: number, { record, drifts }: NonNullable<NodeEffects['acknowledge']>): void {
      if (drifts.length === 0) return;
      const id = record
        ? sql.add.run(node, record.at, record.who, record.reason, record.until).lastInsertRowid
        : null;
      sql.set.run(id, JSON.stringify(drifts));
    },
    /** Another one whenever another set of the node's drifts is acknowledged; null where none is. */
    tag(node: number, now: Millis): string | null {
      const rows = sql.inForce.all(node, now);
      if (rows.length === 0) return null;
      return hash('sha256', JSON.stringify(rows.map(({ id, drifts }) => [id, drifts]))).slice(0, 16);
    },
    /** Removes those that were over before `before` and that no drift names; returns how many, `limit` at most. */
    drop: (before: Millis, limit: number): number => sql.drop.run(before, limit).changes,
  };
}
