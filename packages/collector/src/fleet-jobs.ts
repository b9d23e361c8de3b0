/**
 * Carries out acceptances on many nodes: a transaction and a result for each node, a few at a time, so that reports are
 * answered meanwhile. What a crash leaves undone is taken up at the next start: a node that has its result has
 * accepted, one that has none has not.
 */
import type { FastifyBaseLogger } from 'fastify';
import { decideRowAcceptance } from '#core/accept-row';
import type { Millis } from '#core/node-state';
import type { Job } from '#store/job-store';
import { StorageUnavailableError, type Store } from '#store/store';

const nodesAtOnce = 3;
const nodesPerRound = 200;
const retryAfterMs = 5000;

export interface FleetJobsParts {
  readonly store: Store;
  readonly clock: () => Millis;
  readonly log: FastifyBaseLogger;
}

/** Does nothing until it is woken. Disposing of it stops it between two nodes. */
export class FleetJobs implements AsyncDisposable {
  readonly #parts: FleetJobsParts;
  readonly #stopped = new AbortController();
  #working: Promise<void> | null = null;
  #isWoken = false;

  constructor(parts: FleetJobsParts) {
    this.#parts = parts;
  }

  /** There is, or may be, a job that has not ended. */
  wake(): void {
    this.#isWoken = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { store, log } = this.#parts;
    while (this.#isWoken && !this.#stopped.signal.aborted) {
      this.#isWoken = false;
      try {
        for (let job = await store.jobs.running(); job; job = await store.jobs.running()) {
          if (!(await this.#carryOut(job))) return;
        }
      } catch (error) {
        log.error({ err: error }, 'an acceptance on many nodes was interrupted, and goes on soon');
        this.#isWoken = true;
        await this.#pause();
      }
    }
  }

  /** Returns false if it was stopped before the end. */
  async #carryOut(job: Job): Promise<boolean> {
    const { store, clock, log } = this.#parts;
    for (;;) {
      const nodes = await store.jobs.pending(job.id, nodesPerRound);
      if (nodes.length === 0) break;
      const lane = async () => {
        for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
          if (this.#stopped.signal.aborted) return;
          await this.#acceptOn(node, job);
        }
      };
      await Promise.all(Array.from({ length: nodesAtOnce }, lane));
      if (this.#stopped.signal.aborted) return false;
    }
    await store.jobs.end(job.id, clock());
    log.info({ job: job.id, ...(await store.jobs.counts(job.id)) }, 'accepted on many nodes');
    return true;
  }

  async #acceptOn(node: string, job: Job): Promise<void> {
    const { store, clock, log } = this.#parts;
    const { id, fingerprints, who, reason } = job;
    const now = clock();
    const wanted = { job: id, fingerprints, who, reason };
    try {
      const decided = await store.decide(node, (view) => decideRowAcceptance(view, wanted, now));
      if (!('refused' in decided)) return;
      await store.jobs.refuse(id, node, decided.refused.code, decided.refused.detail, now);
    } catch (error) {
      if (error instanceof StorageUnavailableError) throw error;
      log.error({ err: error, job: id, node }, 'an acceptance failed');
      await store.jobs.refuse(id, node, 'internal', 'the log of the collector says why', now);
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, retryAfterMs);
    this.#stopped.signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  }
}
