/**
 * Puts a backup in the place of the database. In this order, so that a crash leaves the old one or the new one, never
 * neither:
 * 1. the data directory is locked, and the backup copied into it and read through;
 * 2. the copy gets a new epoch, an event for each node, a line in the audit, and what since-backup.ts holds back;
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
import { type HeldBack, holdBack, readSinceBackup, type SinceBackup } from '#store/since-backup';
import { databaseName, newEpoch } from '#store/sqlite-store';
import { makeDirectory } from '#store/make-directory';
import { asStorageError, DamagedBackupError, DamagedDatabaseError } from '#store/storage-error';

export interface Restored {
  readonly backup: DatabaseFacts;
  /** Where the database that was replaced lies now; null if there was none. */
  readonly setAside: string | null;
  readonly heldBack: HeldBack;
  /** Why it is not known what was revoked, and which nodes were first seen, since the backup; null if it is. */
  readonly sinceUnknown: string | null;
}

/** Throws `DirectoryInUseError`, `DamagedDatabaseError`, `NewerSchemaError` or `StorageUnavailableError`; nothing has changed then. */
export function restoreDatabase(
  backup: string,
  dataDir: string,
  { now, audit }: { readonly now: Millis; readonly audit: AuditRecord },
): Restored {
  refuseLiveDatabase(backup, dataDir);
  makeDirectory(dataDir);
  const present = join(dataDir, databaseName);
  const temporary = `${present}.restoring`;
  using stack = new DisposableStack();
  stack.use(lockDirectory(dataDir));
  try {
    removeCopy(temporary);
    stack.defer(() => removeCopy(temporary));
    copyFileSync(backup, temporary, constants.COPYFILE_EXCL);
    const facts = inspectBackup(backup, temporary);
    const since = readSinceBackup(present);
    const heldBack = prepareCopy(temporary, since, now, audit);
    const setAside = setPresentAside(present, now);
    putInPlace(temporary, present);
    return { backup: facts, setAside, heldBack, sinceUnknown: since.unknown };
  } catch (error) {
    throw asStorageError(error);
  }
}

function removeCopy(temporary: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${temporary}${suffix}`, { force: true });
}

/** As its own name has it: the copy is gone when people read of it. */
function inspectBackup(backup: string, copy: string): DatabaseFacts {
  try {
    return inspectDatabase(copy);
  } catch (error) {
    if (!(error instanceof DamagedDatabaseError)) throw error;
    throw new DamagedBackupError(backup, error);
  }
}

/** The newest writes of a database that is in use lie beside it, and would be left behind. */
function refuseLiveDatabase(backup: string, dataDir: string): void {
  const [given, present] = [backup, join(dataDir, databaseName)].map((path) =>
    statSync(path, { throwIfNoEntry: false }),
  );
  if (!given?.isFile()) throw new Error(`${backup} is no file`);
  if (present && given.dev === present.dev && given.ino === present.ino) {
    throw new Error(`${backup} is the database itself, not a backup`);
  }
  if (existsSync(`${backup}-wal`) && statSync(`${backup}-wal`).size > 0) {
    throw new Error(
      `${backup} is a database in use, not a backup: its newest writes are in ${backup}-wal; make a backup of it with holdfast-collector backup`,
    );
  }
}

function prepareCopy(file: string, since: SinceBackup, now: Millis, audit: AuditRecord): HeldBack {
  const db = new Sqlite(file);
  try {
    // A single file, with no log beside it that could be left behind.
    db.pragma('journal_mode = DELETE');
    db.pragma('synchronous = FULL');
    migrate(db);
    const change = db.transaction(() => {
      const heldBack = holdBack(db, since, now);
      newEpoch(db, randomBytes(16).toString('hex'));
      tellNodes(db, now);
      auditRows(db).add({ ...audit, details: { ...audit.details, ...heldBack } });
      return heldBack;
    });
    return change.immediate();
  } finally {
    db.close();
  }
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
