/** A copy of a database that may be in use: one file, complete, of one moment, compact, read back before it is called done. */
import { closeSync, openSync, realpathSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { lockName } from '#store/directory-lock';
import { flush, putInPlace } from '#store/durable-file';
import { type DatabaseFacts, inspectDatabase } from '#store/inspect-database';
import { revokedTokensName } from '#store/revoked-tokens';
import { asDamage, asStorageError } from '#store/storage-error';
import { StorageUnavailableError } from '#store/store';

/** The name of a copy that is being written; what a crash leaves behind is under such a name. */
export const unfinished = '.part';

/**
 * Copies the database file `source` to `file`, in the place of what was there, leaving `keepFreeBytes` free on its disk. Blocks while it works: run
 * it in a process of its own. Throws `StorageUnavailableError`, `NewerSchemaError` or `DamagedDatabaseError`, and leaves `file` as it was.
 */
export function backUpDatabase(source: string, file: string, keepFreeBytes: number): DatabaseFacts {
  const temporary = `${file}${unfinished}`;
  refuseBadPlace(source, file);
  try {
    refuseWithoutSpace(source, file, keepFreeBytes);
    rmSync(temporary, { force: true });
    // It holds hashes of tokens, and what every node looks like.
    closeSync(openSync(temporary, 'wx', 0o600));
    const db = new Sqlite(source, { fileMustExist: true, readonly: true });
    try {
      db.prepare('VACUUM INTO ?').run(temporary);
    } finally {
      db.close();
    }
    flush(temporary);
    const facts = inspectDatabase(temporary);
    putInPlace(temporary, file);
    return facts;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw asDamage(asStorageError(error), source);
  }
}

/** In the place of the database it would leave the collector with a file that has no name, and that is gone with it. */
function refuseBadPlace(source: string, file: string): void {
  const directory = dirname(file);
  if (!isDirectory(directory))
    throw new Error(`${directory} is no directory: make it, or name another place`);
  if (isDirectory(file)) throw new Error(`${file} is a directory: name a file in it`);
  const name = basename(file);
  const own = [lockName, revokedTokensName];
  const isOwn = name.startsWith(basename(source)) || own.some((each) => name.startsWith(each));
  if (isOwn && realpathSync(directory) === realpathSync(dirname(source))) {
    throw new Error(`${file} is where the collector has its own data: name another file for the backup`);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A backup that fills the disk would stop the collector that it is to protect. */
function refuseWithoutSpace(source: string, file: string, keepFreeBytes: number): void {
  const { bavail, bsize } = statfsSync(dirname(file));
  const needed = statSync(source).size + keepFreeBytes;
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new StorageUnavailableError(
    `${dirname(file)} has ${mib(free)} MiB free; the backup may need ${mib(needed)} MiB, HOLDFAST_MIN_FREE_MIB included`,
  );
}

function mib(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
