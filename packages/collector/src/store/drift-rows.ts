/** Standing and ended drift. */
import type { Database } from 'better-sqlite3';
import type { ChangeKind, UnknownReason } from '@holdfast/shared/compare';
import { bucketOf } from '@holdfast/shared/manifest';
import type { DriftContent, DriftEffects, DriftEnd, Millis, StandingDrift } from '#core/node-state';
import {
  type AcknowledgedRow,
  acknowledgedColumns,
  acknowledgementOf,
  withAcknowledgement,
} from '#store/acknowledgement-rows';
import {
  type DriftChangeRow,
  type DriftChangeRows,
  lineOf,
  readChange,
  withChange,
} from '#store/drift-change-rows';
import { type DriftCounts, noDrift } from '#store/node-rows';
import type { DriftRecord, ShownDrifts } from '#store/store';

interface StandingRow extends AcknowledgedRow, DriftChangeRow {
  readonly id: number;
  readonly path: string;
  readonly change: ChangeKind;
  readonly first_seen_at: number;
  readonly expected: number | null;
}

interface RecordRow extends StandingRow {
  readonly earlier: number;
  readonly unknown: UnknownReason | null;
}

interface NamedRow {
  readonly id: number;
  readonly change: ChangeKind;
  readonly fingerprint: Buffer;
}

interface ShownRow {
  readonly path: string;
  readonly until: number | null;
  readonly expected: number | null;
  readonly unexplained: number;
}

export type DriftRows = ReturnType<typeof driftRows>;

export function driftRows(db: Database, changes: DriftChangeRows) {
  const sql = prepare(db);

  return {
    standing: (node: number, bucket: number): StandingDrift[] =>
      sql.standingIn.all(node, bucket).map(toStanding),

    /** Of the buckets from `first` to `last`, in no order. */
    records: (node: string, id: number, [first, last]: readonly [number, number]): DriftRecord[] =>
      sql.records.all(id, first, last).map((row) => ({
        ...toStanding(row),
        node,
        endedAt: null,
        endedAs: null,
        occurrences: row.earlier + 1,
        unknown: row.unknown,
      })),

    /** Paths of the node's standing drifts, by fingerprint. */
    fingerprints: (node: number): Map<string, string> => new Map(sql.fingerprints.all(node)),

    standingPath: (node: number, id: number): string | null => sql.pathOf.get(node, id) ?? null,

    /** The node's `limit` oldest standing drifts, ties by path; but by what explains them at `now`: nothing, a window, someone. */
    shown(
      node: number,
      { limit, now }: { readonly limit: number; readonly now: Millis },
    ): Omit<ShownDrifts, 'node'> {
      const rows = sql.shown.all({ node, limit: Math.max(1, limit), now });
      const shown = rows.slice(0, limit).map(({ path, until, expected }) => ({
        path,
        acknowledgedUntil: until,
        isExpected: expected !== null,
      }));
      return { shown, unexplained: rows[0]?.unexplained ?? 0 };
    },

    /** Writes `effects`; returns the counts after them. */
    apply: applier(sql, changes),

    /** Returns how many of the ended drifts it removed; less than `limit` means that none is left. */
    dropEnded(before: Millis, limit: number): number {
      const dropped = sql.dropEnded.all(before, limit);
      changes.release(dropped);
      return dropped.length;
    },
  };
}

function applier(sql: ReturnType<typeof prepare>, changes: DriftChangeRows) {
  const end = (node: number, path: string, as: DriftEnd, at: Millis) => {
    const row = sql.standingAt.get(node, bucketOf(path), path);
    if (!row) throw new Error(`no drift stands at ${path}`);
    sql.end.run(at, as, row.id);
    return row;
  };

  /** Returns whether there was such a drift. */
  const resume = (node: number, drift: DriftContent, mark: number, since: Millis): boolean => {
    const accepted = sql.acceptedSince.get(node, drift.path, since, lineOf(drift.before));
    if (!accepted) return false;
    sql.resume.run(drift.change, changes.keep(drift), mark, accepted.id);
    changes.release([accepted.fingerprint]);
    return true;
  };

  return function apply(node: number, counts: DriftCounts, effects: DriftEffects, now: Millis): DriftCounts {
    const after = { added: counts.added, removed: counts.removed, changed: counts.changed };
    let oldestMayHaveEnded = false;
    if (effects.endedAll) {
      sql.endAll.run(now, effects.endedAll, node);
      return noDrift;
    }
    for (const { path, as } of effects.ended) {
      const ended = end(node, path, as, now);
      after[ended.change] -= 1;
      oldestMayHaveEnded ||= ended.first_seen_at === counts.oldestAt;
    }
    const isNews = effects.altered.length + effects.started.length > 0;
    const mark = isNews ? sql.nextMark.get()! : 0;
    for (const drift of effects.altered) {
      const bucket = bucketOf(drift.path);
      const stood = sql.standingAt.get(node, bucket, drift.path)!;
      after[stood.change] -= 1;
      after[drift.change] += 1;
      sql.alter.run(drift.change, changes.keep(drift), mark, stood.id);
      changes.release([stood.fingerprint]);
    }
    for (const drift of effects.started) {
      after[drift.change] += 1;
      if (effects.resumesSince !== undefined && resume(node, drift, mark, effects.resumesSince)) continue;
      sql.start.run(node, bucketOf(drift.path), drift.path, drift.change, changes.keep(drift), mark, now);
    }
    const isMoved = oldestMayHaveEnded || effects.started.length > 0;
    return { ...after, oldestAt: isMoved ? (sql.oldestAt.get(node) ?? null) : counts.oldestAt };
  };
}

const standingColumns = `drift.id, drift.path, change, attributes, before, after, aide, first_seen_at, expected, ${acknowledgedColumns}`;

function prepare(db: Database) {
  return {
    standingIn: db.prepare<[number, number], StandingRow>(
      `SELECT ${standingColumns} FROM drift ${withChange} ${withAcknowledgement}
       WHERE drift.node = ? AND bucket = ? AND ended_at IS NULL`,
    ),
    nextMark: db.prepare<[], number>('UPDATE drift_mark SET newest = newest + 1 RETURNING newest').pluck(),
    standingAt: db.prepare<[number, number, string], NamedRow & { readonly first_seen_at: number }>(
      `SELECT id, change, fingerprint, first_seen_at FROM drift
       WHERE node = ? AND bucket = ? AND path = ? AND ended_at IS NULL`,
    ),
    start: db.prepare(
      `INSERT INTO drift (node, bucket, path, change, fingerprint, mark, first_seen_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    alter: db.prepare(
      `UPDATE drift SET change = ?, fingerprint = ?, mark = ?, acknowledgement = NULL, expected = NULL WHERE id = ?`,
    ),
    // With RETURNING it would take six times as long, 40 µs, and an acceptance ends thousands.
    end: db.prepare('UPDATE drift SET ended_at = ?, ended_as = ? WHERE id = ?'),
    acceptedSince: db.prepare<[number, string, number, string | null], NamedRow>(
      `SELECT id, change, drift.fingerprint FROM drift ${withChange}
       WHERE node = ? AND path = ? AND ended_at >= ? AND ended_as = 'accepted' AND before IS ?
       ORDER BY ended_at LIMIT 1`,
    ),
    resume: db.prepare(
      'UPDATE drift SET ended_at = NULL, ended_as = NULL, acknowledgement = NULL, expected = NULL, change = ?, fingerprint = ?, mark = ? WHERE id = ?',
    ),
    endAll: db.prepare('UPDATE drift SET ended_at = ?, ended_as = ? WHERE node = ? AND ended_at IS NULL'),
    fingerprints: db
      .prepare<[number], [fingerprint: string, path: string]>(
        'SELECT lower(hex(fingerprint)), path FROM drift WHERE node = ? AND ended_at IS NULL',
      )
      .raw(),
    oldestAt: db
      .prepare<[number], number | null>(
        'SELECT min(first_seen_at) FROM drift WHERE node = ? AND ended_at IS NULL',
      )
      .pluck(),
    pathOf: db
      .prepare<[number, number], string>(
        'SELECT path FROM drift WHERE node = ? AND id = ? AND ended_at IS NULL',
      )
      .pluck(),
    shown: db.prepare<[{ node: number; limit: number; now: Millis }], ShownRow>(
      `SELECT path, until, expected, count(*) FILTER (WHERE rank = 0) OVER () AS unexplained FROM (
         SELECT path, until, expected, first_seen_at,
           CASE WHEN until > @now THEN 2 ELSE expected IS NOT NULL END AS rank
         FROM drift ${withAcknowledgement} WHERE drift.node = @node AND ended_at IS NULL)
       ORDER BY rank, first_seen_at, path LIMIT @limit`,
    ),
    records: db.prepare<[number, number, number], RecordRow>(
      `SELECT ${standingColumns}, unknown_path.reason AS unknown,
         (SELECT count(*) FROM drift AS other
          WHERE other.node = drift.node AND other.path = drift.path AND other.ended_at IS NOT NULL) AS earlier
       FROM drift ${withChange} ${withAcknowledgement} LEFT JOIN unknown_path
         ON unknown_path.node = drift.node AND unknown_path.bucket = drift.bucket AND unknown_path.path = drift.path
       WHERE drift.node = ? AND drift.bucket BETWEEN ? AND ? AND ended_at IS NULL`,
    ),
    dropEnded: db
      .prepare<[number, number], Buffer>(
        `DELETE FROM drift WHERE id IN (SELECT id FROM drift WHERE ended_at < ? ORDER BY ended_at LIMIT ?)
         RETURNING fingerprint`,
      )
      .pluck(),
  };
}

function toStanding(row: StandingRow): StandingDrift {
  return {
    id: row.id,
    path: row.path,
    change: row.change,
    ...readChange(row),
    firstSeenAt: row.first_seen_at,
    acknowledgement: acknowledgementOf(row),
    expected: row.expected,
  };
}
