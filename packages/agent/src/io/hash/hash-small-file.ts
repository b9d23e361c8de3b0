import { hash } from 'node:crypto';
import { constants, promises as fs } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameContent, msUntilTrusted } from '#core/file-stat';
import { failedLook } from '#io/tree/look-at';
import { failedOpen, openFlags } from './hash-file.ts';
import type { HashOutcome, HashTask } from './hash-task.ts';

/** Hashing this many bytes holds the main thread for less than 10 ms, on a slow core too. */
export const maxSmallFileBytes = 1024 * 1024;

/** Reads a file of up to {@link maxSmallFileBytes} without a worker thread: for the one file that was just edited. */
export async function hashSmallFile(task: HashTask, clock: () => number): Promise<HashOutcome> {
  const waitMs = msUntilTrusted(task.expected.ctimeMs, clock());
  if (waitMs > 0) await sleep(waitMs);
  let file: fs.FileHandle;
  try {
    file = await openQuietly(task);
  } catch (error) {
    return failedOpen(error);
  }
  try {
    return await readWhole(file, task);
  } catch (error) {
    const failed = failedLook(error);
    return failed.kind === 'gone' ? { kind: 'moved' } : failed;
  } finally {
    await file.close();
  }
}

async function openQuietly({ path }: HashTask): Promise<fs.FileHandle> {
  try {
    return await fs.open(path, openFlags | constants.O_NOATIME);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    return fs.open(path, openFlags);
  }
}

async function readWhole(file: fs.FileHandle, { expected }: HashTask): Promise<HashOutcome> {
  const before = await file.stat();
  if (!before.isFile() || !isSameContent(expected, before)) return { kind: 'moved' };
  const content = Buffer.allocUnsafe(expected.size);
  let filled = 0;
  while (filled < expected.size) {
    const { bytesRead } = await file.read(content, filled, expected.size - filled, null);
    if (bytesRead === 0) return { kind: 'moved' };
    filled += bytesRead;
  }
  if (!isSameContent(expected, await file.stat())) return { kind: 'moved' };
  return { kind: 'read', sha256: hash('sha256', content, 'hex') };
}
