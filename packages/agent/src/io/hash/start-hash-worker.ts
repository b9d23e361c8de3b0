import { Worker } from 'node:worker_threads';

/** Each worker's heap: it holds one batch and its buffer. */
const maxOldGenerationSizeMb = 32;

/**
 * The one place that says how a hash worker is started. From the sources its module is loaded as it lies; a bundle
 * sets `HOLDFAST_HASH_WORKER_SOURCE` at build time (esbuild `define`) to the worker's bundled source.
 */
export function startHashWorker(memory: SharedArrayBuffer): Worker {
  const options = { workerData: memory, name: 'holdfast-hash', resourceLimits: { maxOldGenerationSizeMb } };
  if (typeof HOLDFAST_HASH_WORKER_SOURCE === 'string') {
    return new Worker(HOLDFAST_HASH_WORKER_SOURCE, { ...options, eval: true });
  }
  return new Worker(new URL('./hash-worker.ts', import.meta.url), options);
}

declare const HOLDFAST_HASH_WORKER_SOURCE: string | undefined;
