/** What goes to a worker thread and comes back: a batch of files as flat arrays, which cost little to pass. */
import type { ContentIdentity } from '#core/file-stat';
import type { FsPath } from '#io/tree/host-path';
import type { Refusal } from '#io/tree/look-at';

/** A regular file to read, as lstat saw it. */
export interface HashTask {
  readonly path: FsPath;
  readonly expected: ContentIdentity;
}

/**
 * - `read`: the file was what lstat saw, before and after it was read.
 * - `moved`: it was not, or is gone; lstat has to look again.
 * - `cancelled`: not read, because the reader is closing.
 */
export type HashOutcome =
  | { readonly kind: 'read'; readonly sha256: string }
  | { readonly kind: 'moved' }
  | { readonly kind: 'refused'; readonly reason: Refusal }
  | { readonly kind: 'cancelled' };

export interface HashBatch {
  readonly id: number;
  readonly paths: readonly (string | Uint8Array)[];
  /** dev, ino, size, mtimeMs, ctimeMs of each path. */
  readonly expected: Float64Array;
}

export interface HashBatchResult {
  readonly id: number;
  readonly outcomes: readonly HashOutcome[];
}

const expectedNumbers = 5;

export function packBatch(id: number, tasks: readonly HashTask[]): HashBatch {
  const numbers = new Float64Array(tasks.length * expectedNumbers);
  let at = 0;
  for (const { expected } of tasks) {
    numbers[at++] = expected.dev;
    numbers[at++] = expected.ino;
    numbers[at++] = expected.size;
    numbers[at++] = expected.mtimeMs;
    numbers[at++] = expected.ctimeMs;
  }
  return { id, paths: tasks.map((task) => task.path), expected: numbers };
}

export function unpackTask(batch: HashBatch, index: number): HashTask {
  const path = batch.paths[index]!;
  const numbers = batch.expected;
  const at = index * expectedNumbers;
  return {
    path: typeof path === 'string' ? path : Buffer.from(path.buffer, path.byteOffset, path.byteLength),
    expected: {
      dev: numbers[at]!,
      ino: numbers[at + 1]!,
      size: numbers[at + 2]!,
      mtimeMs: numbers[at + 3]!,
      ctimeMs: numbers[at + 4]!,
    },
  };
}
