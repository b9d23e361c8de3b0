/** Opens the data directory: makes it if need be, locks it, and brings its schema up to date. */
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { lockDirectory } from '#store/directory-lock';
import { type GroupCommitLimits, groupCommitLimits } from '#store/group-commit';
import { firstProblem } from '#store/inspect-database';
import { makeDirectory } from '#store/make-directory';
import { migrate } from '#store/migrate';
import { applyRevokedTokens } from '#store/apply-revoked-tokens';
import { readRevokedTokens } from '#store/revoked-tokens';
import { SqliteStore } from '#store/store-on-sqlite';
import { asDamage, asStorageError, DamagedDatabaseError } from '#store/storage-error';
import { StorageUnavailableError, type Store } from '#store/store';

export const databaseName = 'holdfast.db';

/** How long to wait for another process that writes, such as `token create`. */
const busyTimeoutMs = 5000;
/** Pages that it lacks are in the system's cache: with 32 MiB the upgrade of 1,000 nodes was stored no sooner. */
const cacheKib = 16 * 1024;

export interface OpenStoreOptions {
  readonly dataDir: string;
  /**
   * Whether this is the process that serves. Only one can be, and only it may decide about nodes; others may read, and
   * write tokens. Default true.
   */
  readonly exclusive?: boolean;
  readonly limits?: Partial<GroupCommitLimits>;
  /** From 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Default: without bound. */
  readonly maxPages?: number;
  /** Told, at most once, when commits have to carry the log over, because the thread that does it is gone. */
  readonly onCheckpointFailure?: (error: unknown) => void;
}

/**
 * Throws `DirectoryInUseError`, `NewerSchemaError`, `DamagedDatabaseError` or `StorageUnavailableError`. Dispose of the store to close it; what
 * was asked of it before is carried out.
 */
export async function openSqliteStore(options: OpenStoreOptions): Promise<Store> {
  const { dataDir, exclusive = true, limits, random = Math.random, maxPages } = options;
  const { onCheckpointFailure = () => {} } = options;
  const file = join(dataDir, databaseName);
  try {
    makeDirectory(dataDir);
    const lock = exclusive ? lockDirectory(dataDir) : null;
    try {
      const db = openDatabase(file, maxPages);
      try {
        if (exclusive) refuseDamage(db, file);
        migrate(db);
        applyRevokedTokens(db, readRevokedTokens(dataDir));
        const epoch = readEpoch(db);
        const commitLimits = { ...groupCommitLimits, ...limits };
        return new SqliteStore({
          db,
          dataDir,
          epoch,
          lock,
          random,
          limits: commitLimits,
          onCheckpointFailure,
        });
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      lock?.[Symbol.dispose]();
      throw error;
    }
  } catch (error) {
    throw asDamage(asStorageError(error), file);
  }
}

function openDatabase(file: string, maxPages: number | undefined): Database {
  const db = new Sqlite(file, { timeout: busyTimeoutMs });
  try {
    chmodSync(file, 0o600);
    // Of a new database only: pages that become free can be given back to the file system then.
    db.pragma('auto_vacuum = INCREMENTAL');
    if (db.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
      throw new StorageUnavailableError(`${file} is on a file system that does not allow a write-ahead log`);
    }
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma(`cache_size = -${cacheKib}`);
    if (maxPages !== undefined) db.pragma(`max_page_count = ${maxPages}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Baselines that are read from a damaged page would be wrong without a word. */
function refuseDamage(db: Database, file: string): void {
  const problem = firstProblem(db, 'quick_check');
  if (problem !== null) throw new DamagedDatabaseError(file, new Error(problem));
}

/** Made with the database; a restore from a backup makes a new one. */
function readEpoch(db: Database): string {
  const fresh = randomBytes(16).toString('hex');
  db.prepare("INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING").run(fresh);
  return db.prepare<[], string>("SELECT value FROM meta WHERE key = 'epoch'").pluck().get() ?? fresh;
}

/** Agents that see another epoch than before resynchronise. */
export function newEpoch(db: Database, epoch: string): void {
  db.prepare(
    "INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  ).run(epoch);
}
