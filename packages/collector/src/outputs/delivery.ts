/**
 * Sends to another service, one at a time and in order, with tries that are bounded. Whoever has something to send never
 * waits for it; what waits is bounded too, and the oldest gives way.
 */
import type { Logger } from 'pino';
import type { HttpAnswer, HttpCall, HttpClient } from '../http-client.ts';
import { retry, type RetryLimits } from '../retry.ts';
import type { DeliveryMetrics, DeliveryResult, Output, OutputMetrics } from './delivery-metrics.ts';

export const deliveryLimits = {
  waiting: 100,
  timeoutMs: 15_000,
  /** Eight tries take some two minutes at most. */
  retries: { tries: 8, minMs: 1000, maxMs: 30_000 } as RetryLimits,
  /** For what still waits when the collector stops. */
  stopMs: 5000,
};

export interface DeliveryParts {
  /** Names it in metrics and logs. The URL may be a secret. */
  readonly output: Output;
  readonly http: HttpClient;
  readonly log: Logger;
  readonly metrics: DeliveryMetrics;
  /** What shows that the other side took it. Default: 2xx. */
  readonly isTaken?: (answer: HttpAnswer) => boolean;
  readonly limits?: Partial<typeof deliveryLimits>;
}

interface Delivered {
  readonly result: DeliveryResult;
  /** What went wrong at last; null if it was taken. */
  readonly problem: string | null;
}

const failed = (problem: string): Delivered => ({ result: 'failed', problem });

export const isSuccess = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300;

type Message = Pick<HttpCall, 'method' | 'url' | 'headers' | 'body'>;

/** Disposing of it gives what waits a short time, and then up. */
export class Delivery implements AsyncDisposable {
  readonly #parts: DeliveryParts;
  readonly #limits: typeof deliveryLimits;
  readonly #metrics: OutputMetrics;
  readonly #stop = new AbortController();
  readonly #waiting: Message[] = [];
  #working: Promise<void> | null = null;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#limits = { ...deliveryLimits, ...parts.limits };
    this.#metrics = parts.metrics.begin(parts.output, 'stacks');
  }

  send(message: Message): void {
    this.#waiting.push(message);
    while (this.#waiting.length > this.#limits.waiting) {
      // The first is on its way.
      this.#waiting.splice(1, 1);
      this.#metrics.count('dropped');
    }
    this.#show();
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const end = setTimeout(() => this.#stop.abort(), this.#limits.stopMs);
    await this.#working;
    clearTimeout(end);
  }

  async #work(): Promise<void> {
    for (let message = this.#waiting[0]; message !== undefined; message = this.#waiting[0]) {
      const { result, problem } = await this.#deliver(message);
      this.#waiting.shift();
      this.#metrics.count(result);
      this.#metrics.tried(problem === null);
      if (problem !== null)
        this.#parts.log.error({ output: this.#parts.output, problem }, 'could not be sent');
      this.#show();
    }
  }

  #deliver(message: Message): Promise<Delivered> {
    return retry<Delivered>(
      async () => {
        if (this.#stop.signal.aborted) return { done: failed('the collector stops') };
        const { timeoutMs } = this.#limits;
        const outcome = await this.#parts.http.send({ ...message, timeoutMs, signal: this.#stop.signal });
        if ('unreachable' in outcome) return this.#again(outcome.unreachable, null);
        const { isTaken = isSuccess } = this.#parts;
        if (isTaken(outcome)) return { done: { result: 'sent', problem: null } };
        const { status, retryAfterMs } = outcome;
        const problem = `answered ${status}`;
        return isSuccess(outcome) || status === 429 || status >= 500
          ? this.#again(problem, retryAfterMs)
          : { done: { result: 'refused', problem } };
      },
      this.#limits.retries,
      this.#stop.signal,
    );
  }

  #again(problem: string, retryAfterMs: number | null) {
    this.#metrics.tried(false);
    return { again: failed(problem), retryAfterMs };
  }

  #show(): void {
    this.#metrics.waiting(this.#waiting.length);
  }
}
