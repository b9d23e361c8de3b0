import { Worker } from 'node:worker_threads';

/** What the worker is told. It answers each `checkpoint` with any message, and `end` by ending. */
export type CheckpointOrder = 'checkpoint' | 'end';

export interface CheckpointWorkerData {
  /** The database. */
  readonly file: string;
  /** Of a bundle: the directory that it lies in. */
  readonly home?: string;
}

/** The thread's heap holds next to nothing. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

/**
 * The one place that says how it is started. From the sources its module is loaded as it lies; a bundle sets
 * `HOLDFAST_CHECKPOINT_WORKER_SOURCE` at build time (esbuild `define`) to the worker's bundled source, which looks for
 * SQLite's addon below `home`.
 */
export function startCheckpointWorker(file: string): Worker {
  const options = { name: 'holdfast-checkpoint', resourceLimits };
  if (typeof HOLDFAST_CHECKPOINT_WORKER_SOURCE === 'string') {
    const workerData: CheckpointWorkerData = { file, home: __dirname };
    return new Worker(HOLDFAST_CHECKPOINT_WORKER_SOURCE, { ...options, workerData, eval: true });
  }
  const workerData: CheckpointWorkerData = { file };
  return new Worker(new URL('./checkpoint-worker.ts', import.meta.url), { ...options, workerData });
}

declare const HOLDFAST_CHECKPOINT_WORKER_SOURCE: string | undefined;
