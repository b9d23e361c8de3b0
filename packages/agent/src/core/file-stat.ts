import type { EntryType } from '@holdfast/shared/entry';

/** What is used of an lstat or fstat. `fs.Stats` is one. Times are milliseconds with a fraction. */
export interface FileStat {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

const formatMask = 0o170000;
const typesByFormat: Readonly<Record<number, EntryType>> = {
  0o140000: 'socket',
  0o120000: 'symlink',
  0o100000: 'file',
  0o060000: 'block-device',
  0o040000: 'directory',
  0o020000: 'character-device',
  0o010000: 'fifo',
};

export function entryTypeOf(mode: number): EntryType {
  const type = typesByFormat[mode & formatMask];
  if (!type) throw new Error(`a file mode of no known type: ${mode.toString(8)}`);
  return type;
}

/** `major:minor` of Linux's 64-bit device number, as glibc takes it apart. */
export function deviceText(rdev: number): string {
  const high = Math.floor(rdev / 2 ** 32);
  const low = rdev >>> 0;
  const major = ((low >>> 8) & 0xfff) | (high & 0xffff_f000);
  const minor = (low & 0xff) | ((low >>> 12) & 0xf_ff00);
  return `${major >>> 0}:${minor >>> 0}`;
}

/** Whether `found` is the same file as `expected` with, as far as times can tell, the same content. */
export function isSameContent(expected: ContentIdentity, found: ContentIdentity): boolean {
  return (
    found.ctimeMs === expected.ctimeMs &&
    found.mtimeMs === expected.mtimeMs &&
    found.size === expected.size &&
    found.ino === expected.ino &&
    found.dev === expected.dev
  );
}

export type ContentIdentity = Pick<FileStat, 'dev' | 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>;

/** Kernels before 6.13 stamp files with a clock that ticks every 4–10 ms: two writes within a tick look like one. */
export const coarseClockMs = 20;

/**
 * How long to wait before reading, so that a write after the read must give the file a newer ctime than it has now.
 * `now` may be without its fraction, and so a little before the ctime of what was just written.
 */
export function msUntilTrusted(ctimeMs: number, now: number): number {
  const age = now - ctimeMs;
  return Math.abs(age) < coarseClockMs ? coarseClockMs - age : 0;
}
