import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isSameContent, msUntilTrusted } from '#core/file-stat';
import { failedLook } from '#io/tree/look-at';
import type { FsPath } from '#io/tree/host-path';
import type { HashOutcome, HashTask } from './hash-task.ts';
import type { ReadControl } from './read-control.ts';

/** Of 16 KiB to 1 MiB the least that is fastest: fewer calls cost less, and it stays in the core's own cache. */
export const readBufferBytes = 256 * 1024;

/** Never blocks on a FIFO, never follows a link, leaves no trace in atime. */
export const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const moved = { kind: 'moved' } as const;
const cancelled = { kind: 'cancelled' } as const;

/** Reads files with one buffer, on the thread that calls. */
export class FileHasher {
  readonly #control: ReadControl;
  readonly #clock: () => number;
  readonly #buffer = Buffer.allocUnsafeSlow(readBufferBytes);
  /** Only the owner of a file, or one with CAP_FOWNER, may ask for it; without, the first refusal is remembered. */
  #noAtime = constants.O_NOATIME;

  constructor(control: ReadControl, clock: () => number) {
    this.#control = control;
    this.#clock = clock;
  }

  hash(task: HashTask): HashOutcome {
    if (this.#control.isStopped) return cancelled;
    const waitMs = msUntilTrusted(task.expected.ctimeMs, this.#clock());
    if (waitMs > 0) this.#control.wait(waitMs);
    let fd: number;
    try {
      fd = this.#open(task.path);
    } catch (error) {
      return failedOpen(error);
    }
    try {
      return this.#read(fd, task);
    } catch (error) {
      const failed = failedLook(error);
      return failed.kind === 'gone' ? moved : failed;
    } finally {
      closeSync(fd);
    }
  }

  #open(path: FsPath): number {
    try {
      return openSync(path, openFlags | this.#noAtime);
    } catch (error) {
      if (this.#noAtime === 0 || (error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
      this.#noAtime = 0;
      return openSync(path, openFlags);
    }
  }

  #read(fd: number, { expected }: HashTask): HashOutcome {
    const before = fstatSync(fd);
    if (!before.isFile() || !isSameContent(expected, before)) return moved;
    const sha256 =
      expected.size <= readBufferBytes
        ? this.#hashSmall(fd, expected.size)
        : this.#hashLarge(fd, expected.size);
    if (typeof sha256 !== 'string') return sha256;
    return isSameContent(expected, fstatSync(fd)) ? { kind: 'read', sha256 } : moved;
  }

  #hashSmall(fd: number, size: number): string | HashOutcome {
    let filled = 0;
    while (filled < size) {
      const bytes = this.#readNext(fd, filled, size - filled);
      if (bytes === 0) return moved;
      filled += bytes;
    }
    return hash('sha256', this.#buffer.subarray(0, size), 'hex');
  }

  #hashLarge(fd: number, size: number): string | HashOutcome {
    const digest = createHash('sha256');
    for (let left = size; left > 0; ) {
      if (this.#control.isStopped) return cancelled;
      const bytes = this.#readNext(fd, 0, Math.min(readBufferBytes, left));
      if (bytes === 0) return moved;
      digest.update(bytes === readBufferBytes ? this.#buffer : this.#buffer.subarray(0, bytes));
      left -= bytes;
    }
    return digest.digest('hex');
  }

  #readNext(fd: number, offset: number, length: number): number {
    this.#control.waitForTurn(length);
    return readSync(fd, this.#buffer, offset, length, null);
  }
}

/** A symlink, or something that cannot be opened so, lies there by now. */
export function failedOpen(error: unknown): HashOutcome {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ELOOP' || code === 'ENXIO') return moved;
  const failed = failedLook(error);
  return failed.kind === 'gone' ? moved : failed;
}
