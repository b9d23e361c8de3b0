/**
 * What a backup must not bring back. It knows nothing of what was decided after it was made, so once it is restored:
 *
 * 1. what was revoked since stays revoked;
 * 2. no window is open: one that was closed since would accept what agents then send anew, and one that was not has forgotten
 *    which paths it has seen change;
 * 3. no acceptance on many nodes goes on: what it accepted may have been taken back since;
 * 4. what was pushed for a node is known, so that it is deleted with the node;
 * 5. a node that had no baseline yet waits for an operator, instead of making one of whatever it is by now;
 * 6. a node that was deleted since stays deleted, until an operator readmits it;
 * 7. an acknowledgement that was taken back since, or whose drift has ended or changed, silences nothing.
 */
import { existsSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { commandLine } from '#core/auth';
import type { Millis } from '#core/node-state';

/** What the database that is replaced knows. */
export interface SinceBackup {
  readonly revocations: readonly { readonly hash: string; readonly revoked_at: Millis }[];
  /** Names of all nodes. */
  readonly nodes: readonly string[];
  readonly deletions: readonly { readonly name: string; readonly deleted_at: Millis }[];
  /** By the number of a standing drift, that of its acknowledgement. Null: not known. */
  readonly acknowledged: ReadonlyMap<number, number> | null;
  /** Names of nodes that have a group on the Pushgateway. */
  readonly groups: readonly string[];
  /** Why nothing is known; null if it is. */
  readonly unknown: string | null;
}

/** How much was held back. */
export interface HeldBack {
  readonly keptRevoked: number;
  readonly closedWindows: number;
  readonly endedJobs: number;
  /** Nodes that had no baseline when the backup was made, most of them because they were first seen after it. */
  readonly pendingNodes: number;
  readonly keptDeleted: number;
  /** Drifts whose acknowledgement would have been in force again. */
  readonly unacknowledged: number;
}

/** Also carries the write-ahead log over into the database, so that its one file is all there is. */
export function readSinceBackup(present: string): SinceBackup {
  if (!existsSync(present)) return nothing(`there was no ${present}`);
  try {
    const db = new Sqlite(present);
    try {
      db.pragma('wal_checkpoint(TRUNCATE)');
      const revocations = db
        .prepare<[], SinceBackup['revocations'][number]>(
          'SELECT hash, revoked_at FROM token WHERE revoked_at IS NOT NULL',
        )
        .all();
      const names = (table: string) => db.prepare<[], string>(`SELECT name FROM ${table}`).pluck().all();
      const nodes = [...names('node'), ...(hasTable(db, 'lost_node') ? names('lost_node') : [])];
      const deletions = db
        .prepare<[], SinceBackup['deletions'][number]>(
          'SELECT name, deleted_at FROM node WHERE deleted_at IS NOT NULL',
        )
        .all();
      const acknowledged = new Map(hasTable(db, 'acknowledgement') ? acknowledgedIn(db) : []);
      return { revocations, nodes, deletions, acknowledged, groups: groupsOf(db), unknown: null };
    } finally {
      db.close();
    }
  } catch (error) {
    return nothing(`${present} cannot be read (${(error as Error).message})`);
  }
}

function nothing(unknown: string): SinceBackup {
  return { revocations: [], nodes: [], deletions: [], acknowledged: null, groups: [], unknown };
}

function hasTable(db: Database, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;
}

/** Must run inside a transaction on the copy. */
export function holdBack(db: Database, since: SinceBackup, now: Millis): HeldBack {
  const { revocations, nodes, deletions, acknowledged, groups } = since;
  addGroups(db, groups);
  const changesOf = (sql: string, rows: readonly (readonly (string | number)[])[]) => {
    const statement = db.prepare(sql);
    return rows.reduce((changes, row) => changes + statement.run(...row).changes, 0);
  };
  return {
    keptRevoked: changesOf(
      'UPDATE token SET revoked_at = ? WHERE hash = ? AND revoked_at IS NULL',
      revocations.map(({ hash, revoked_at }) => [revoked_at, hash]),
    ),
    closedWindows: changesOf(
      'UPDATE change_window SET closed_at = ?, closed_by = ? WHERE closed_at IS NULL AND until > ?',
      [[now, commandLine, now]],
    ),
    endedJobs: endJobs(db, now),
    pendingNodes: changesOf(
      `INSERT INTO lost_node (name) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM node WHERE name = ? AND baseline IS NOT NULL)
       ON CONFLICT DO NOTHING`,
      nodes.map((name) => [name, name]),
    ),
    keptDeleted: changesOf(
      'UPDATE node SET deleted_at = ? WHERE name = ? AND deleted_at IS NULL',
      deletions.map(({ name, deleted_at }) => [deleted_at, name]),
    ),
    unacknowledged: changesOf(
      `UPDATE drift SET acknowledgement = NULL WHERE id = ?
         AND EXISTS (SELECT 1 FROM acknowledgement WHERE acknowledgement.id = drift.acknowledgement AND until > ?)`,
      acknowledged === null
        ? []
        : acknowledgedIn(db).flatMap(([drift, by]) => (acknowledged.get(drift) === by ? [] : [[drift, now]])),
    ),
  };
}

function acknowledgedIn(db: Database): [drift: number, acknowledgement: number][] {
  return db
    .prepare<[], [number, number]>(
      'SELECT id, acknowledgement FROM drift WHERE acknowledgement IS NOT NULL AND ended_at IS NULL',
    )
    .raw()
    .all();
}

function endJobs(db: Database, now: Millis): number {
  db.prepare(
    `UPDATE job_node SET at = ?, outcome = 'refused', code = 'node-moved-on', detail = 'the collector went back to a backup: look again'
     WHERE outcome = 'pending'`,
  ).run(now);
  return db.prepare('UPDATE job SET ended_at = ? WHERE ended_at IS NULL').run(now).changes;
}

/** As push-nodes.ts writes them down. */
function groupsOf(db: Database): string[] {
  if (!hasTable(db, 'outlet')) return [];
  const memory = db.prepare<[], string>("SELECT memory FROM outlet WHERE name = 'pushgateway'").pluck().get();
  return memory ? (JSON.parse(memory) as string[]) : [];
}

function addGroups(db: Database, groups: readonly string[]): void {
  if (groups.length === 0) return;
  const memory = JSON.stringify([...new Set([...groupsOf(db), ...groups])].sort());
  db.prepare(
    `INSERT INTO outlet (name, told, memory) VALUES ('pushgateway', 0, ?)
     ON CONFLICT DO UPDATE SET memory = excluded.memory`,
  ).run(memory);
}
