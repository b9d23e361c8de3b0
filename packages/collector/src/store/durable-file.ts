/** Files that are there whole or not at all: written beside their place, flushed, then renamed into it. */
import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';

/** Flushes `temporary`, and puts it in the place of `file`, on the same file system. After a crash one of the two is there, whole. */
export function putInPlace(temporary: string, file: string): void {
  flush(temporary);
  renameSync(temporary, file);
  flush(dirname(file));
}

/** Writes a file's content, or a directory's names, through to the disk. */
export function flush(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
