/**
 * Watches how much room is left where the database lies, so that the collector stops taking new things while it can
 * still write what it must: acceptances, heartbeats, the log that makes both durable.
 */
import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { StorageMetrics } from '#outputs/storage-metrics';
import type { Store } from '#store/store';

/** Looked at so often. A report brings tens of MiB at most. */
const lookEveryMs = 2000;

/** Whether there is room for reports that bring something new. */
export interface Storage {
  readonly isNearlyFull: boolean;
}

export interface StorageParts {
  readonly dataDir: string;
  /** With less than this the disk is nearly full. */
  readonly minFreeBytes: number;
  readonly store: Store;
  readonly metrics: StorageMetrics;
  readonly log: Logger;
}

/** Looks once before it resolves, then every two seconds until it is disposed of. */
export async function watchStorage(parts: StorageParts): Promise<Storage & Disposable> {
  const { dataDir, minFreeBytes, store, metrics, log } = parts;
  let isNearlyFull = false;
  let isStopped = false;
  let isInPlace = true;
  const look = async () => {
    const diskFreeBytes = await freeBytes(dataDir);
    if (isStopped) return; // the store may be closed by now
    const was = isNearlyFull;
    isNearlyFull = diskFreeBytes !== null && diskFreeBytes < minFreeBytes;
    metrics.show({ ...store.size(), diskFreeBytes, isNearlyFull });
    if (isInPlace && !store.isInPlace()) {
      isInPlace = false;
      log.error(
        { dataDir },
        'the database was removed or replaced: what is taken from now on is lost; restart',
      );
    }
    if (isNearlyFull === was) return;
    const details = { dataDir, diskFreeBytes, minFreeBytes };
    if (isNearlyFull)
      log.error(details, 'the disk is nearly full: reports that bring something new are put off');
    else log.info(details, 'there is room on the disk again: every report is taken');
  };
  await look();
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      log.error({ err: error }, 'the room on the disk could not be looked at'),
    );
  }, lookEveryMs);
  return {
    get isNearlyFull() {
      return isNearlyFull;
    },
    [Symbol.dispose]() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

/** Null if the system does not say. */
async function freeBytes(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}
