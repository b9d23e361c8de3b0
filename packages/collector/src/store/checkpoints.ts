/**
 * Carries the write-ahead log over into the database, on a thread of its own: within a commit, as SQLite does it by
 * itself, it would hold every request for as long as the disk takes to write pages all over the database.
 */
import type { Worker } from 'node:worker_threads';
import type { Database, Statement } from 'better-sqlite3';
import { type CheckpointOrder, startCheckpointWorker } from '#store/start-checkpoint-worker';

export interface CheckpointLimits {
  /** Pages of 4 KiB in the log, from which on they are carried over. */
  readonly pages: number;
  /** From which on a commit does it by itself: the thread cannot keep up, or writes come so close that it never sees the end. */
  readonly pagesAtMost: number;
}

export const checkpointLimits: CheckpointLimits = { pages: 2000, pagesAtMost: 8000 };

type Progress = [busy: number, log: number, checkpointed: number];

export interface CheckpointOptions {
  readonly limits?: CheckpointLimits;
  readonly start?: (file: string) => Worker;
  /** Told why the thread is gone; at most once. Commits do its work from then on. */
  readonly onFailure?: (error: unknown) => void;
}

export class Checkpoints implements AsyncDisposable {
  readonly #db: Database;
  readonly #limits: CheckpointLimits;
  readonly #start: (file: string) => Worker;
  readonly #onFailure: (error: unknown) => void;
  readonly #progress: Statement<[], Progress>;
  #worker: Worker | null = null;
  #isAtWork = false;
  #hasFailed = false;

  constructor(
    db: Database,
    {
      limits = checkpointLimits,
      start = startCheckpointWorker,
      onFailure = () => {},
    }: CheckpointOptions = {},
  ) {
    this.#db = db;
    this.#limits = limits;
    this.#start = start;
    this.#onFailure = onFailure;
    this.#progress = db.prepare<[], Progress>('PRAGMA wal_checkpoint(NOOP)').raw();
    this.#db.pragma(`wal_autocheckpoint = ${limits.pagesAtMost}`);
  }

  /** To be called after each commit. Throws nothing: what was committed has still to be acknowledged. */
  committed(): void {
    if (this.#isAtWork || this.#hasFailed) return;
    try {
      if (this.#pagesLeft() < this.#limits.pages) return;
      this.#isAtWork = true;
      this.#worker ??= this.#startWorker();
      this.#tell('checkpoint');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Resolves when the thread has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    worker.ref();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    this.#tell('end');
    await ended;
  }

  #pagesLeft(): number {
    const [, log, checkpointed] = this.#progress.get()!;
    return log - checkpointed;
  }

  #startWorker(): Worker {
    const worker = this.#start(this.#db.name);
    worker.unref();
    worker.on('message', () => (this.#isAtWork = false));
    worker.on('error', (error) => this.#fail(error));
    return worker;
  }

  #tell(order: CheckpointOrder): void {
    this.#worker?.postMessage(order);
  }

  /** Without the thread, commits do it as ever. */
  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#worker = null;
    this.#onFailure(error);
    if (this.#db.open) this.#db.pragma(`wal_autocheckpoint = ${this.#limits.pages}`);
  }
}
