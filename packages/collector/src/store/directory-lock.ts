/** One collector a data directory: two would each believe its own memory of what the database holds. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';

export const lockName = 'collector.lock';

export class DirectoryInUseError extends Error {
  readonly code = 'directory-in-use';
  constructor(directory: string) {
    super(`another collector is using ${directory}`);
    this.name = 'DirectoryInUseError';
  }
}

/**
 * Takes the lock of `directory` until it is disposed of or the process ends, however it ends: the kernel holds it, on
 * an empty database beside ours. Throws {@link DirectoryInUseError}.
 */
export function lockDirectory(directory: string): Disposable {
  const lock = new Sqlite(join(directory, lockName), { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    const isHeld = error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
    throw isHeld ? new DirectoryInUseError(directory) : error;
  }
  return { [Symbol.dispose]: () => void lock.close() };
}
