/** The worker thread: takes batches, reads, answers. Started by start-hash-worker.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { FileHasher } from './hash-file.ts';
import { type HashBatch, type HashBatchResult, unpackTask } from './hash-task.ts';
import { ReadControl } from './read-control.ts';

const port = parentPort;
if (!port) throw new Error('hash-worker runs as a worker thread only');

const hasher = new FileHasher(new ReadControl(workerData as SharedArrayBuffer), Date.now);

port.on('message', (batch: HashBatch) => {
  const outcomes = batch.paths.map((_, i) => hasher.hash(unpackTask(batch, i)));
  port.postMessage({ id: batch.id, outcomes } satisfies HashBatchResult);
});
