/** The directory that the agent writes to, and nobody else: made if missing, private, locked against a second agent. */
import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export class StateDirectoryError extends Error {
  readonly code: 'state-directory-locked' | 'state-directory-unusable';
  constructor(code: StateDirectoryError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StateDirectoryError';
    this.code = code;
  }
}

export interface StateDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Throws {@link StateDirectoryError}. The lock is the kernel's: it ends with the process, however that ends. */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  try {
    await makeDirectory(path);
  } catch (cause) {
    throw new StateDirectoryError(
      'state-directory-unusable',
      `cannot use the state directory ${path}: ${reasonOf(cause)}`,
      {
        cause,
      },
    );
  }
  const lock = takeLock(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      if (lock.isOpen) lock.close();
    },
  };
}

/** As mkdir with `recursive`, which tries for ever where the kernel knows no new names, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    await makeDirectory(parent);
    await makeDirectory(path);
  }
}

const sqliteBusy = 5;

/** Node has no flock(2). SQLite's lock on an empty file is the same in effect, and holds within one process too. */
function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(path, 'agent.lock'), { timeout: 0 });
    // A journal on disk could not be made on a full one, and Node's SQLite refuses to do without (OFF).
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    const isTaken = cause instanceof Error && 'errcode' in cause && cause.errcode === sqliteBusy;
    throw isTaken
      ? new StateDirectoryError(
          'state-directory-locked',
          `another agent uses the state directory ${path}; stop it, or give this one a directory of its own`,
          { cause },
        )
      : new StateDirectoryError(
          'state-directory-unusable',
          `cannot lock the state directory ${path}: ${reasonOf(cause)}`,
          { cause },
        );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
