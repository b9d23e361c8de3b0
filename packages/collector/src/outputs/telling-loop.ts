/**
 * Tells another service what is, until it takes it: at once when woken, every so often besides, and after a failure with
 * growing waits. Nothing is queued: each try is about how things stand by then, and whoever wakes it never waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { HttpOutcome } from '../http-client.ts';
import { retryDelayMs } from '../retry.ts';
import type { Output, OutputMetrics } from './delivery-metrics.ts';

export const tellingLimits = {
  /** Between two looks for something to tell that nobody woke it for: another process may have written it. */
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

export interface TellingLoopParts {
  /** One try; null where all was taken, or there was nothing to tell. */
  readonly tell: (signal: AbortSignal) => Promise<Untold | null>;
  readonly output: Output;
  readonly metrics: OutputMetrics;
  readonly log: Logger;
  readonly limits: Omit<typeof tellingLimits, 'timeoutMs'>;
}

/** Begins with a try. Disposing of it makes one more if it was woken for what was not tried yet. */
export class TellingLoop implements AsyncDisposable {
  readonly #parts: TellingLoopParts;
  readonly #stopping = new AbortController();
  readonly #givingUp = new AbortController();
  readonly #running: Promise<void>;
  #pause = new AbortController();
  #isWoken = false;
  #failures = 0;

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
  }

  async #run(): Promise<void> {
    do {
      this.#isWoken = false;
      this.#pause = new AbortController();
      const waitMs = await this.#try();
      if (this.#stopping.signal.aborted || this.#isWoken) continue;
      await sleep(waitMs, undefined, { signal: this.#pause.signal }).catch(() => undefined);
    } while (this.#isWoken || !this.#stopping.signal.aborted);
  }

  /** Returns how long to wait before the next, in milliseconds. */
  async #try(): Promise<number> {
    const { tell, output, metrics, log, limits } = this.#parts;
    let untold: Untold | null;
    try {
      untold = await tell(this.#givingUp.signal);
    } catch (error) {
      log.error({ err: error, output }, 'others could not be told of the stacks');
      untold = { reason: 'see above', retryAfterMs: null };
    }
    metrics.waiting(untold === null ? 0 : 1);
    if (untold === null) {
      this.#failures = 0;
      return limits.lookEveryMs;
    }
    metrics.tried(false);
    this.#failures += 1;
    if (this.#failures === 1)
      log.warn({ output, reason: untold.reason }, 'others cannot be told of the stacks; they will be');
    return retryDelayMs(this.#failures, Math.random(), limits, untold.retryAfterMs);
  }
}

/** `outcome` was not what shows that the other side took it. */
export function untold(outcome: HttpOutcome): Untold {
  if ('unreachable' in outcome) return { reason: outcome.unreachable, retryAfterMs: null };
  return { reason: `it answered ${outcome.status}`, retryAfterMs: outcome.retryAfterMs };
}
