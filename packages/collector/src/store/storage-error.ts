import Sqlite from 'better-sqlite3';
import { StorageUnavailableError } from '#store/store';

/** What SQLite says when the disk, not the statement, is at fault. Extended codes begin with these. */
const diskCodes = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
  'SQLITE_CANTOPEN',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_NOMEM',
];

const damageCodes = ['SQLITE_NOTADB', 'SQLITE_CORRUPT'];

/** Parts of the database cannot be read any more, found while it is in use. */
export class StorageDamagedError extends StorageUnavailableError {
  constructor(cause: Error & { readonly code: string }) {
    super(
      `the database is damaged: ${cause.message} (${cause.code}); stop the collector, and put a backup in its place with holdfast-collector restore`,
      { cause },
    );
    this.name = 'StorageDamagedError';
  }
}

/** A {@link StorageUnavailableError} in the place of an error that the disk is to blame for; any other as it is. */
export function asStorageError(error: unknown): unknown {
  if (isDamage(error)) return new StorageDamagedError(error);
  if (error instanceof Sqlite.SqliteError && diskCodes.some((code) => error.code.startsWith(code))) {
    return new StorageUnavailableError(`the database refuses: ${error.message} (${error.code})`, {
      cause: error,
    });
  }
  return error;
}

/** Runs `read`, and throws what {@link asStorageError} makes of its errors. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asStorageError(error);
  }
}

/** The database can't be read as one: another file is in its place, or parts of it were overwritten. */
export class DamagedDatabaseError extends Error {
  readonly code = 'damaged-database';
  constructor(file: string, cause: Error) {
    super(
      `${file} is damaged, or is no database of holdfast-collector (${cause.message}): it was left as it is; put a backup in its place with holdfast-collector restore, or move it away to begin anew`,
      { cause },
    );
    this.name = 'DamagedDatabaseError';
  }
}

/** What was to be restored can't be read as a database. */
export class DamagedBackupError extends Error {
  readonly code = 'damaged-database';
  constructor(file: string, { cause }: DamagedDatabaseError) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${file} is damaged, or is no backup of holdfast-collector (${why}): nothing was changed`, {
      cause,
    });
    this.name = 'DamagedBackupError';
  }
}

/** A {@link DamagedDatabaseError} in the place of what SQLite says of a damaged `file`; any other error as it is. */
export function asDamage(error: unknown, file: string): unknown {
  const cause = error instanceof StorageDamagedError ? error.cause : error;
  return isDamage(cause) ? new DamagedDatabaseError(file, cause) : error;
}

function isDamage(error: unknown): error is InstanceType<typeof Sqlite.SqliteError> {
  return error instanceof Sqlite.SqliteError && damageCodes.some((code) => error.code.startsWith(code));
}
