/**
 * Tells another service how the stacks are, until it takes it: at once when woken, when a sweep has ended that nobody woke it
 * for, and after a failure with growing waits. Nothing is queued: each try is about how things stand by then, and whoever
 * wakes it never waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { SweepRecord, SweepStore } from '#store/sweep-store';
import { type HttpCall, type HttpOutcome, openHttpClient } from '../http-client.ts';
import { retryDelayMs } from '../retry.ts';
import type { Output, OutputMetrics } from './delivery-metrics.ts';

export const tellingLimits = {
  /** Between two looks for a sweep that nobody woke it for: another process may have swept. */
  lookEveryMs: 60_000,
  timeoutMs: 15_000,
  minMs: 1000,
  maxMs: 60_000,
  /** For a try that is on its way at the end, or that is still due. */
  stopMs: 5000,
};

/** What the other side did not take, and why. */
export interface Untold {
  readonly reason: string;
  readonly retryAfterMs: number | null;
}

/** Sends with the time limit of one try. */
export type Send = (call: Omit<HttpCall, 'timeoutMs' | 'signal'>) => Promise<HttpOutcome>;

export interface TellingLoopParts {
  readonly store: Pick<SweepStore, 'lastEnded'>;
  /** One try, after a sweep; `last` ended last. Null where all was taken, or there was nothing to tell. */
  readonly tell: (last: SweepRecord, send: Send) => Promise<Untold | null>;
  /** What was taken is told anew after so long; never, if it is left out. */
  readonly refreshMs?: number;
  readonly output: Output;
  readonly metrics: OutputMetrics;
  readonly log: Logger;
  readonly limits: typeof tellingLimits;
}

/** To be woken when a sweep has ended, durably. Never waits, never throws. */
export interface Teller extends AsyncDisposable {
  wake(): void;
}

/** Begins with a try. Disposing of it makes one more if it was woken for what was not tried yet. */
export class TellingLoop implements Teller {
  readonly #parts: TellingLoopParts;
  readonly #client = openHttpClient();
  readonly #stopping = new AbortController();
  readonly #givingUp = new AbortController();
  readonly #running: Promise<void>;
  #pause = new AbortController();
  #isWoken = false;
  #failures = 0;
  /** The sweep that had ended last when all was taken; null while that is not known. */
  #told: { readonly sweep: string; readonly at: number } | null = null;

  constructor(parts: TellingLoopParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  wake(): void {
    this.#isWoken = true;
    this.#pause.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#pause.abort();
    const end = setTimeout(() => this.#givingUp.abort(), this.#parts.limits.stopMs);
    await this.#running;
    clearTimeout(end);
    await this.#client[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    do {
      // A sweep that ended before another one may be what woke it.
      if (this.#isWoken) this.#told = null;
      this.#isWoken = false;
      this.#pause = new AbortController();
      const waitMs = await this.#try();
      if (this.#stopping.signal.aborted || this.#isWoken) continue;
      await sleep(waitMs, undefined, { signal: this.#pause.signal }).catch(() => undefined);
    } while (this.#isWoken || !this.#stopping.signal.aborted);
  }

  /** Returns how long to wait before the next, in milliseconds. */
  async #try(): Promise<number> {
    const { output, metrics, log, limits } = this.#parts;
    let untold: Untold | null;
    try {
      untold = await this.#tellIfDue();
    } catch (error) {
      log.error({ err: error, output }, 'others could not be told of the stacks');
      untold = { reason: 'see above', retryAfterMs: null };
    }
    metrics.waiting(untold === null ? 0 : 1);
    if (untold === null) {
      this.#failures = 0;
      return limits.lookEveryMs;
    }
    this.#told = null;
    metrics.tried(false);
    this.#failures += 1;
    if (this.#failures === 1)
      log.warn({ output, reason: untold.reason }, 'others cannot be told of the stacks; they will be');
    return retryDelayMs(this.#failures, Math.random(), limits, untold.retryAfterMs);
  }

  async #tellIfDue(): Promise<Untold | null> {
    const { store, tell, refreshMs = Number.POSITIVE_INFINITY, limits } = this.#parts;
    const last = await store.lastEnded();
    if (last === null) return null;
    const told = this.#told;
    if (told?.sweep === last.id && performance.now() - told.at < refreshMs) return null;
    const untold = await tell(last, (call) =>
      this.#client.send({ ...call, timeoutMs: limits.timeoutMs, signal: this.#givingUp.signal }),
    );
    if (untold === null) this.#told = { sweep: last.id, at: performance.now() };
    return untold;
  }
}

/** `outcome` was not what shows that the other side took it. */
export function untold(outcome: HttpOutcome): Untold {
  if ('unreachable' in outcome) return { reason: outcome.unreachable, retryAfterMs: null };
  return { reason: `it answered ${outcome.status}`, retryAfterMs: outcome.retryAfterMs };
}
