/** Keeps failing reports apart, and says once what is wrong. Times are of `performance.now()`. */
import { type BackoffLimits, backoffMs } from '#core/backoff';
import type { Log } from '../observe/options.ts';

export interface Failure {
  readonly reason: string;
  /** What the other side asked for. */
  readonly retryAfterMs?: number | null;
  /** In the place of the backoff, where only a person can help. */
  readonly pauseMs?: number;
}

export class RetryGate {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  readonly #log: Log;
  #failures = 0;
  #notBefore = 0;
  #lastError: string | null = null;

  constructor(limits: BackoffLimits, random: () => number, log: Log) {
    this.#limits = limits;
    this.#random = random;
    this.#log = log;
  }

  /** The next try waits for this. */
  get notBefore(): number {
    return this.#notBefore;
  }

  /** Null if the last try succeeded. */
  get lastError(): string | null {
    return this.#lastError;
  }

  fail({ reason, retryAfterMs = null, pauseMs }: Failure): void {
    this.#failures += 1;
    const pause = pauseMs ?? backoffMs(this.#failures, this.#random(), this.#limits, retryAfterMs);
    this.#notBefore = performance.now() + pause;
    if (reason !== this.#lastError) this.#log.warn({ reason }, 'a report was not acknowledged');
    this.#lastError = reason;
  }

  succeed(): void {
    if (this.#lastError !== null) this.#log.info({}, 'reports are acknowledged again');
    this.#lastError = null;
    this.#failures = 0;
    this.#notBefore = 0;
  }

  /** Lets the next try go at once. */
  open(): void {
    this.#notBefore = 0;
  }
}
