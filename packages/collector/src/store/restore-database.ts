/**
 * Puts a backup in the place of the database. In this order, so that a crash leaves the old one or the new one, never
 * neither:
 * 1. the data directory is locked, and the backup copied into it and read through;
 * 2. the copy gets a new epoch, an event for each node, a line in the audit, and what was revoked since it was made;
 * 3. the present database, its log carried over into it, gets a second name;
 * 4. the copy takes its place.
 */
import { randomBytes } from 'node:crypto';
import { copyFileSync, constants, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import type { AuditRecord, Millis } from '#core/node-state';
import { lockDirectory } from '#store/directory-lock';
import { flush, putInPlace } from '#store/durable-file';
import { auditRows } from '#store/audit-rows';
import { type DatabaseFacts, inspectDatabase } from '#store/inspect-database';
import { migrate } from '#store/migrate';
import { databaseName, newEpoch } from '#store/sqlite-store';
import { asStorageError } from '#store/storage-error';

export interface Restored {
  readonly backup: DatabaseFacts;
  /** Where the database that was replaced lies now; null if there was none. */
  readonly setAside: string | null;
  /** Tokens of the backup that were revoked after it was made, and stay so. */
  readonly keptRevoked: number;
  /** Why what was revoked since the backup is not known; null if it is. */
  readonly revocationsUnknown: string | null;
}

interface Revocation {
  readonly hash: string;
  readonly revoked_at: Millis;
}

/** Throws `DirectoryInUseError`, `DamagedDatabaseError`, `NewerSchemaError` or `StorageUnavailableError`; nothing has changed then. */
export function restoreDatabase(
  backup: string,
  dataDir: string,
  { now, audit }: { readonly now: Millis; readonly audit: AuditRecord },
): Restored {
  refuseLiveDatabase(backup);
  const present = join(dataDir, databaseName);
  const temporary = `${present}.restoring`;
  using stack = new DisposableStack();
  stack.use(lockDirectory(dataDir));
  try {
    removeCopy(temporary);
    stack.defer(() => removeCopy(temporary));
    copyFileSync(backup, temporary, constants.COPYFILE_EXCL);
    const facts = inspectDatabase(temporary);
    const revocations = readRevocations(present);
    const keptRevoked = prepareCopy(temporary, revocations.list, now, audit);
    const setAside = setPresentAside(present, now);
    putInPlace(temporary, present);
    return { backup: facts, setAside, keptRevoked, revocationsUnknown: revocations.unknown };
  } catch (error) {
    throw asStorageError(error);
  }
}

function removeCopy(temporary: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${temporary}${suffix}`, { force: true });
}

/** The newest writes of a database that is in use lie beside it, and would be left behind. */
function refuseLiveDatabase(backup: string): void {
  if (existsSync(`${backup}-wal`) && statSync(`${backup}-wal`).size > 0) {
    throw new Error(
      `${backup} is a database in use, not a backup: its newest writes are in ${backup}-wal; make a backup of it with holdfast-collector backup`,
    );
  }
}

/** Also carries the write-ahead log over into the database, so that its one file is all there is. */
function readRevocations(present: string): { list: Revocation[]; unknown: string | null } {
  if (!existsSync(present)) return { list: [], unknown: `there was no ${present}` };
  try {
    const db = new Sqlite(present);
    try {
      db.pragma('wal_checkpoint(TRUNCATE)');
      const list = db
        .prepare<[], Revocation>('SELECT hash, revoked_at FROM token WHERE revoked_at IS NOT NULL')
        .all();
      return { list, unknown: null };
    } finally {
      db.close();
    }
  } catch (error) {
    return { list: [], unknown: `${present} cannot be read (${(error as Error).message})` };
  }
}

function prepareCopy(
  file: string,
  revocations: readonly Revocation[],
  now: Millis,
  audit: AuditRecord,
): number {
  const db = new Sqlite(file);
  try {
    // A single file, with no log beside it that could be left behind.
    db.pragma('journal_mode = DELETE');
    db.pragma('synchronous = FULL');
    migrate(db);
    const change = db.transaction(() => {
      const kept = revokeAgain(db, revocations);
      const details = { ...audit.details, keptRevoked: kept };
      newEpoch(db, randomBytes(16).toString('hex'));
      tellNodes(db, now);
      auditRows(db).add({ ...audit, details });
      return kept;
    });
    return change.immediate();
  } finally {
    db.close();
  }
}

function revokeAgain(db: Database, revocations: readonly Revocation[]): number {
  const revoke = db.prepare('UPDATE token SET revoked_at = ? WHERE hash = ? AND revoked_at IS NULL');
  let kept = 0;
  for (const { hash, revoked_at } of revocations) kept += revoke.run(revoked_at, hash).changes;
  return kept;
}

function tellNodes(db: Database, now: Millis): void {
  db.prepare(
    `INSERT INTO event (node, kind, at, attributes, detail)
     SELECT node.id, 'store-restored', ?, '', 'the collector went back to a backup; what happened since it was made is not in this history'
     FROM node`,
  ).run(now);
}

/** Returns its second name; null if there is no database. What was written ahead goes first, or it would be taken for the new one's. */
function setPresentAside(present: string, now: Millis): string | null {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const aside = `${present}.before-restore-${stamp}`;
  let found = false;
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(`${present}${suffix}`)) renameSync(`${present}${suffix}`, `${aside}${suffix}`);
  }
  if (existsSync(present)) {
    rmSync(aside, { force: true });
    linkSync(present, aside);
    found = true;
  }
  flush(dirname(present));
  return found ? aside : null;
}
