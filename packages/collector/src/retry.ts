/** Trying again: exponential with full jitter, never sooner than the other side asks, bounded in number. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryLimits {
  readonly tries: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** However long the other side asks to wait. */
export const maxRetryAfterMs = 60_000;

/** How long to wait after `failures` failures (from 1); `random` is in [0, 1). */
export function retryDelayMs(
  failures: number,
  random: number,
  limits: Pick<RetryLimits, 'minMs' | 'maxMs'>,
  retryAfterMs: number | null = null,
): number {
  const bound = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(failures - 1, 30));
  return Math.min(retryAfterMs ?? 0, maxRetryAfterMs) + random * bound;
}

/** What one try came to: done, or worth another one after the wait that the other side asked for. */
export type Try<T> = { readonly done: T } | { readonly again: T; readonly retryAfterMs: number | null };

/** The outcome of the last try. Stops early, with that outcome, when `signal` is aborted. */
export async function retry<T>(
  attempt: () => Promise<Try<T>>,
  limits: RetryLimits,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    const tried = await attempt();
    if ('done' in tried) return tried.done;
    if (failures >= limits.tries || signal.aborted) return tried.again;
    const waitMs = retryDelayMs(failures, random(), limits, tried.retryAfterMs);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return tried.again;
  }
}
