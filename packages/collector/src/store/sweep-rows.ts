/** Sweeps, their results by stack, and what is remembered of each stack. */
import type { Database } from 'better-sqlite3';
import type { Millis } from '#core/node-state';
import { type Outcome, outcomes, type StackResult } from '#sweep/core/stack-result';
import type {
  StoredOutcome,
  SweepEnd,
  SweepPhase,
  SweepRecord,
  SweepScope,
  SweepStart,
} from '#store/sweep-store';

interface SweepRow {
  readonly id: number;
  readonly name: string;
  readonly phase: SweepPhase;
  readonly start: string;
  readonly scope: string | null;
  readonly end: string | null;
  readonly digest: string | null;
}

export interface KnownSweep {
  readonly id: number;
  readonly record: SweepRecord;
  readonly digest: string | null;
}

function statements(db: Database) {
  return {
    add: db.prepare(
      `INSERT INTO sweep (name, phase, whole, started_at, start, digest) VALUES (?, 'running', ?, ?, ?, ?)`,
    ),
    setScope: db.prepare('UPDATE sweep SET scope = ? WHERE id = ?'),
    setEnd: db.prepare('UPDATE sweep SET phase = ?, ended_at = ?, "end" = ? WHERE id = ?'),
    byName: db.prepare<[string], SweepRow>('SELECT * FROM sweep WHERE name = ?'),
    running: db.prepare<[], SweepRow>(`SELECT * FROM sweep WHERE phase = 'running' ORDER BY id`),
    before: db.prepare<[number, number], SweepRow>(
      'SELECT * FROM sweep WHERE id < ? ORDER BY id DESC LIMIT ?',
    ),
    lastWhole: db.prepare<[], SweepRow>(
      `SELECT * FROM sweep WHERE whole = 1 AND phase <> 'running' ORDER BY started_at DESC, id DESC LIMIT 1`,
    ),
    lastEnded: db.prepare<[], SweepRow>(
      `SELECT * FROM sweep WHERE phase <> 'running' ORDER BY ended_at DESC, id DESC LIMIT 1`,
    ),
    counts: db.prepare<[number], { outcome: Outcome; n: number }>(
      'SELECT outcome, count(*) AS n FROM stack_result WHERE sweep = ? GROUP BY outcome',
    ),
    setResult: db.prepare(
      `INSERT INTO stack_result (stack, sweep, outcome, result) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET outcome = excluded.outcome, result = excluded.result`,
    ),
    results: db
      .prepare<[number], string>('SELECT result FROM stack_result WHERE sweep = ? ORDER BY stack')
      .pluck(),
    outcomesOf: db.prepare<[string, number], { name: string; ended_at: number | null; result: string }>(
      `SELECT sweep.name, sweep.ended_at, result FROM stack_result JOIN sweep ON sweep.id = stack_result.sweep
       WHERE stack = ? ORDER BY stack_result.sweep DESC LIMIT ?`,
    ),
    old: db
      .prepare<[number, number], number>(
        `SELECT id FROM sweep WHERE ended_at < ? AND id <> (SELECT max(id) FROM sweep WHERE phase <> 'running')
         ORDER BY id LIMIT ?`,
      )
      .pluck(),
    dropResults: db.prepare('DELETE FROM stack_result WHERE sweep = ?'),
    drop: db.prepare('DELETE FROM sweep WHERE id = ?'),
    addSalt: db.prepare("INSERT INTO meta (key, value) VALUES ('sweep-salt', ?) ON CONFLICT DO NOTHING"),
    salt: db.prepare<[], string>("SELECT value FROM meta WHERE key = 'sweep-salt'").pluck(),
  };
}

export function sweepRows(db: Database) {
  const sql = statements(db);
  const known = (row: SweepRow): KnownSweep => ({
    id: row.id,
    record: toRecord(row, sql.counts.all(row.id)),
    digest: row.digest,
  });
  return {
    add(start: SweepStart, digest: string | null): number {
      const whole = start.only === null ? 1 : 0;
      return Number(
        sql.add.run(start.id, whole, start.startedAt, JSON.stringify(start), digest).lastInsertRowid,
      );
    },
    setScope: (id: number, scope: SweepScope) => sql.setScope.run(JSON.stringify(scope), id),
    setEnd: (id: number, end: SweepEnd) => sql.setEnd.run(end.phase, end.endedAt, JSON.stringify(end), id),
    byName(name: string): KnownSweep | null {
      const row = sql.byName.get(name);
      return row ? known(row) : null;
    },
    running: (): SweepRecord[] => sql.running.all().map((row) => known(row).record),
    before: (id: number, limit: number): SweepRecord[] =>
      sql.before.all(id, limit).map((row) => known(row).record),
    lastWhole(): SweepRecord | null {
      const row = sql.lastWhole.get();
      return row ? known(row).record : null;
    },
    lastEnded(): SweepRecord | null {
      const row = sql.lastEnded.get();
      return row ? known(row).record : null;
    },
    setResult: (sweep: number, result: StackResult) =>
      sql.setResult.run(result.stack, sweep, result.outcome, JSON.stringify(result)),
    dropResults: (sweep: number) => sql.dropResults.run(sweep),
    results: (sweep: number): StackResult[] =>
      sql.results.all(sweep).map((text) => JSON.parse(text) as StackResult),
    /** Newest first. */
    outcomesOf: (stack: string, limit: number): StoredOutcome[] =>
      sql.outcomesOf.all(stack, limit).map(({ name, ended_at, result }) => ({
        sweep: name,
        endedAt: ended_at,
        result: JSON.parse(result) as StackResult,
      })),
    /** Of the oldest sweeps that ended before `before`, `slice` at most, and never the newest of all; returns how many. */
    drop(before: Millis, slice: number): number {
      const old = sql.old.all(before, slice);
      for (const id of old) {
        sql.dropResults.run(id);
        sql.drop.run(id);
      }
      return old.length;
    },
    /** What is there, or else `fresh` from now on. */
    salt(fresh: string): string {
      sql.addSalt.run(fresh);
      return sql.salt.get() ?? fresh;
    },
  };
}

export type SweepRows = ReturnType<typeof sweepRows>;

function toRecord(row: SweepRow, rows: readonly { outcome: Outcome; n: number }[]): SweepRecord {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const { outcome, n } of rows) counts[outcome] = n;
  const scope = row.scope === null ? null : (JSON.parse(row.scope) as SweepScope);
  return {
    ...(JSON.parse(row.start) as SweepStart),
    phase: row.phase,
    discovered: scope?.discovered ?? rows.reduce((sum, { n }) => sum + n, 0),
    counts,
    scope,
    end: row.end === null ? null : (JSON.parse(row.end) as SweepEnd),
  };
}
