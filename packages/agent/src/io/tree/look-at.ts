/** The three questions to the kernel about a path that open nothing and follow nothing, with refusals as values. */
import { lstatSync, opendirSync, readdirSync, readlinkSync } from 'node:fs';
import { encodePathText } from '@holdfast/shared/path-text';
import type { FileStat } from '#core/file-stat';
import type { FsPath } from './host-path.ts';

export type Refusal = 'permission' | 'io-error';

export type Look<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly reason: Refusal };

const gone = { kind: 'gone' } as const;

export function lstat(path: FsPath): Look<FileStat> {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat ? { kind: 'found', value: stat } : gone;
  } catch (error) {
    return failedLook(error);
  }
}

/** The names in a directory, each in text form. */
export function listNames(path: FsPath): Look<ReadonlySet<string>> {
  try {
    return { kind: 'found', value: new Set(readdirSync(path, 'latin1').map(encodePathText)) };
  } catch (error) {
    return failedLook(error);
  }
}

/** Whether nothing can lie in `path`: it is an empty directory, no directory, or gone. */
export function holdsNothing(path: FsPath): boolean {
  try {
    using directory = opendirSync(path);
    return directory.readSync() === null;
  } catch (error) {
    return failedLook(error).kind === 'gone';
  }
}

const namesPerRead = 512;

/** The same for a directory of many names. Costs twice as much, and yields often. */
export function* listNamesInSteps(path: FsPath): Generator<void, Look<ReadonlySet<string>>> {
  const options = { encoding: 'latin1', bufferSize: namesPerRead } as const;
  try {
    using directory = opendirSync(path, options);
    const names = new Set<string>();
    for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
      names.add(encodePathText(entry.name));
      if (names.size % namesPerRead === 0) yield;
    }
    return { kind: 'found', value: names };
  } catch (error) {
    return failedLook(error);
  }
}

/** A symlink's target, in text form. */
export function readTarget(path: FsPath): Look<string> {
  try {
    return { kind: 'found', value: encodePathText(readlinkSync(path, 'latin1')) };
  } catch (error) {
    // Something else lies there by now.
    return isErrno(error) && error.code === 'EINVAL' ? gone : failedLook(error);
  }
}

/** What a failed system call says of its path. Throws what is no system call's error. */
export function failedLook(
  error: unknown,
): { readonly kind: 'gone' } | { readonly kind: 'refused'; readonly reason: Refusal } {
  if (!isErrno(error)) throw error;
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return gone;
    case 'EACCES':
    case 'EPERM':
      return { kind: 'refused', reason: 'permission' };
    default:
      return { kind: 'refused', reason: 'io-error' };
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
