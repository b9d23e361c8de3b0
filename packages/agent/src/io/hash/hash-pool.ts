/**
 * Reads and hashes files on worker threads. Workers start when there is work and end after {@link idleMs} without any,
 * so that their memory goes back. Large files are read first: a large one that starts last would keep one core busy
 * while the others are done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { type HashBatchResult, type HashOutcome, type HashTask, packBatch } from './hash-task.ts';
import { ReadControl } from './read-control.ts';
import { startHashWorker } from './start-hash-worker.ts';

export interface HashJob extends HashTask {
  /** Asked when a worker would take the job; false if nobody wants the result any more. */
  isWanted(): boolean;
  /** Called exactly once. */
  settle(outcome: HashOutcome): void;
}

export const idleMs = 10_000;
export const maxBatchFiles = 64;
export const maxBatchBytes = 4 * 1024 * 1024;
/** Under a read limit a batch is what may be read in this time: a path in it is read by no one else meanwhile. */
const maxLimitedBatchMs = 50;
/** So that a worker need not wait for the main thread between two small batches. */
const maxBatchesPerWorker = 2;
const largeFileBytes = maxBatchBytes;
/** A worker thread that is stuck in the kernel, on a dying disk, must not hold up the end of the process. */
const maxTerminateMs = 1000;

interface PoolWorker {
  readonly thread: Worker;
  readonly batches: Map<number, Batch>;
  /** Of all its batches. */
  bytes: number;
}

interface Batch {
  readonly jobs: readonly HashJob[];
  readonly bytes: number;
}

export class HashPool implements AsyncDisposable {
  readonly #maxWorkers: number;
  readonly #afterSettling: () => void;
  readonly #control = new ReadControl();
  readonly #workers = new Set<PoolWorker>();
  #large: HashJob[] = [];
  #isLargeSorted = true;
  #small: HashJob[] = [];
  #smallTaken = 0;
  #lastBatch = 0;
  #batchBytes = maxBatchBytes;
  #idleTimer: NodeJS.Timeout | undefined;

  /** `afterSettling` is called when all jobs of a batch have been settled. */
  constructor(maxWorkers: number, afterSettling: () => void) {
    this.#maxWorkers = maxWorkers;
    this.#afterSettling = afterSettling;
  }

  /** Jobs that no worker has taken yet. */
  get queued(): number {
    return this.#large.length + this.#small.length - this.#smallTaken;
  }

  /** For all workers together; 0: none. */
  setLimit(mibPerSecond: number): void {
    this.#control.setLimit(mibPerSecond);
    const limited = (mibPerSecond * 1024 * 1024 * maxLimitedBatchMs) / 1000;
    this.#batchBytes = mibPerSecond === 0 ? maxBatchBytes : Math.min(maxBatchBytes, limited);
  }

  /** Takes a job in. It is given to a worker by the next {@link dispatch}, or when one has time. */
  submit(job: HashJob): void {
    if (this.#control.isStopped) return job.settle({ kind: 'cancelled' });
    if (job.expected.size >= largeFileBytes) {
      this.#large.push(job);
      this.#isLargeSorted = false;
    } else this.#small.push(job);
  }

  dispatch(): void {
    while (this.queued > 0) {
      const worker = this.#leastBusyWorker();
      if (!worker) return;
      // A large file waits for a worker that is free: behind another one it would be late.
      const jobs = this.#nextBatch(worker.batches.size === 0);
      if (jobs.length === 0) {
        if (worker.batches.size > 0) return;
        continue;
      }
      const message = packBatch(++this.#lastBatch, jobs);
      const bytes = jobs.reduce((sum, job) => sum + job.expected.size, 0);
      worker.batches.set(message.id, { jobs, bytes });
      worker.bytes += bytes;
      worker.thread.postMessage(message);
    }
  }

  /** Stops within the time of one read call. What was not read yet is settled as cancelled. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#control.stop();
    const jobs = [...this.#large.splice(0), ...this.#small.splice(0).slice(this.#smallTaken)];
    this.#smallTaken = 0;
    const workers = [...this.#workers];
    for (const worker of workers) jobs.push(...this.#forget(worker));
    for (const job of jobs) job.settle({ kind: 'cancelled' });
    await Promise.race([
      Promise.all(workers.map((worker) => worker.thread.terminate())),
      sleep(maxTerminateMs, undefined, { ref: false }),
    ]);
  }

  #leastBusyWorker(): PoolWorker | null {
    let least: PoolWorker | null = null;
    for (const worker of this.#workers) {
      if (worker.batches.size === 0) return worker;
      if (!least || worker.bytes < least.bytes) least = worker;
    }
    if (this.#workers.size < this.#maxWorkers) return this.#startWorker();
    const wantsMore = least && least.bytes < this.#batchBytes && least.batches.size < maxBatchesPerWorker;
    return wantsMore ? least : null;
  }

  #nextBatch(takesLarge: boolean): HashJob[] {
    const large = takesLarge ? this.#largest() : undefined;
    if (large) return large.isWanted() ? [large] : this.#unwanted(large);
    const jobs: HashJob[] = [];
    for (let bytes = 0; jobs.length < maxBatchFiles && bytes < this.#batchBytes; ) {
      const job = this.#small[this.#smallTaken++];
      if (!job) break;
      if (!job.isWanted()) {
        this.#unwanted(job);
        continue;
      }
      bytes += job.expected.size;
      jobs.push(job);
    }
    if (this.#smallTaken >= this.#small.length) {
      this.#small = [];
      this.#smallTaken = 0;
    }
    return jobs;
  }

  #largest(): HashJob | undefined {
    if (!this.#isLargeSorted) this.#large.sort((a, b) => a.expected.size - b.expected.size);
    this.#isLargeSorted = true;
    return this.#large.pop();
  }

  #unwanted(job: HashJob): HashJob[] {
    job.settle({ kind: 'cancelled' });
    return [];
  }

  #startWorker(): PoolWorker {
    clearTimeout(this.#idleTimer);
    const worker: PoolWorker = {
      thread: startHashWorker(this.#control.memory),
      batches: new Map(),
      bytes: 0,
    };
    this.#workers.add(worker);
    worker.thread.on('message', (result: HashBatchResult) => this.#take(worker, result));
    // A worker that fails leaves its files unread: they are looked at again by the next sweep.
    worker.thread.on('error', () => this.#fail(worker));
    worker.thread.on('exit', () => this.#fail(worker));
    return worker;
  }

  #take(worker: PoolWorker, { id, outcomes }: HashBatchResult): void {
    const batch = worker.batches.get(id);
    if (!batch) return;
    worker.batches.delete(id);
    worker.bytes -= batch.bytes;
    this.dispatch();
    for (const [i, job] of batch.jobs.entries()) job.settle(outcomes[i] ?? { kind: 'cancelled' });
    this.#afterSettling();
    if (worker.batches.size === 0) this.#endWorkersWhenIdle();
  }

  #endWorkersWhenIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      for (const worker of this.#workers) {
        if (worker.batches.size > 0) continue;
        this.#forget(worker);
        void worker.thread.terminate();
      }
    }, idleMs);
  }

  #fail(worker: PoolWorker): void {
    for (const job of this.#forget(worker)) job.settle({ kind: 'refused', reason: 'io-error' });
    this.#afterSettling();
    this.dispatch();
  }

  #forget(worker: PoolWorker): HashJob[] {
    this.#workers.delete(worker);
    const jobs = [...worker.batches.values()].flatMap((batch) => batch.jobs);
    worker.batches.clear();
    return jobs;
  }
}
