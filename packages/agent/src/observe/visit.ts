import type { Net } from '@holdfast/shared/wire';

/** One going-over of the file tree, or of some paths, and what it came to. */
export interface Visit {
  readonly net: Exclude<Net, 'aide'>;
  /** Whether files are read although lstat says that nothing changed. */
  readonly readsAll: boolean;
  /** Files that were handed to the readers ahead of the walk, which need not do it again. */
  readonly readFirst: Set<string>;
  hashed: number;
  bytes: number;
  changed: number;
  /** Directories with a path that is not UTF-8, which no watcher can be told. */
  unwatchable: number;
  /** Reads that have been asked for and have not ended. */
  reading: number;
  /** Called when `reading` falls to 0. */
  onRead: (() => void) | null;
}

export function newVisit(net: Visit['net'], readsAll = false): Visit {
  return {
    net,
    readsAll,
    readFirst: new Set(),
    hashed: 0,
    bytes: 0,
    changed: 0,
    unwatchable: 0,
    reading: 0,
    onRead: null,
  };
}

/** Resolves when no read of the visit is under way; rejects when `signal` aborts. */
export async function whenRead(visit: Visit, signal: AbortSignal): Promise<void> {
  while (visit.reading > 0) {
    signal.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    visit.onRead = resolve;
    signal.addEventListener('abort', stop);
    await promise;
    signal.removeEventListener('abort', stop); // it outlives the visit by days
  }
  signal.throwIfAborted();
}
