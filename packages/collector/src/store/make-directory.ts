import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Private, and with those above it that are missing. Not by mkdir's `recursive`, which tries for ever where the kernel
 * knows no new names, as in /proc. Throws as mkdir does, `EEXIST` where something lies there that is no directory.
 */
export function makeDirectory(path: string): void {
  const above = dirname(path);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(above)) throw error;
    makeDirectory(above);
    mkdirSync(path, { mode: 0o700 });
  }
  writeOut(above);
}

/** A directory that was just made is lost with the power unless the one above it is written out. */
function writeOut(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
