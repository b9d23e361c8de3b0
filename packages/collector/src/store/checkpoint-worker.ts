/** The worker thread that checkpoints; started by start-checkpoint-worker.ts. Ends when it is told to. */
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { CheckpointOrder, CheckpointWorkerData } from '#store/start-checkpoint-worker';

/** Writing goes on meanwhile, and the log begins anew only once nothing of it is left: so the rest, which is short, is taken too. */
const maxPasses = 4;

interface Progress {
  readonly log: number;
  readonly checkpointed: number;
}

const port = parentPort;
if (!port) throw new Error('checkpoint-worker runs as a worker thread only');

const { file } = workerData as CheckpointWorkerData;
const db = new Sqlite(file, { fileMustExist: true });
db.pragma('synchronous = FULL');

port.on('message', (order: CheckpointOrder) => {
  if (order === 'end') {
    db.close();
    port.close();
    return;
  }
  try {
    checkpoint();
  } catch {
    // A full disk, say. The log keeps everything, and the next commit asks again; SQLite by itself does no more.
  }
  port.postMessage('done');
});

function checkpoint(): void {
  for (let pass = 0; pass < maxPasses; pass++) {
    // PASSIVE waits for nobody, and nobody for it.
    const [progress] = db.pragma('wal_checkpoint(PASSIVE)') as [Progress];
    if (progress.checkpointed >= progress.log) return;
  }
}
