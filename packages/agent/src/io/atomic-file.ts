/** Files that are there whole, or as they were before: a crash at any moment leaves nothing in between. */
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface AtomicWrite {
  /** Permission bits of the new file. */
  readonly mode: number;
  /** `create` rejects with code EEXIST if the path is taken, also by a dangling symlink. */
  readonly when: 'create' | 'replace';
}

/**
 * Writes beside `path`, syncs, moves into place, and syncs the directory: when the promise resolves, the file survives
 * a power cut. Rejects with the system's error, and then `path` is as it was.
 */
export async function writeFileAtomically(path: string, data: string, options: AtomicWrite): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeSynced(temporary, data, options.mode);
    if (options.when === 'replace') await rename(temporary, path);
    else await link(temporary, path); // unlike a rename, it does not replace what is there
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
}

async function writeSynced(path: string, data: string, mode: number): Promise<void> {
  await using file = await open(path, 'wx', mode);
  await file.chmod(mode); // the umask does not decide who may read it
  await file.writeFile(data);
  await file.sync();
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
