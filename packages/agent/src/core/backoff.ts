/** How long to wait before the next try. */
export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

export const reportBackoff: BackoffLimits = { minMs: 1000, maxMs: 60_000 };

/** However long a collector asks us to stay away. */
export const maxRetryAfterMs = 10 * 60_000;

/**
 * Exponential with full jitter: after `failures` (from 1), anything up to a bound that doubles with each.
 * `random` is in [0, 1). What the other side asked for is a lower bound, and is itself bounded.
 */
export function backoffMs(
  failures: number,
  random: number,
  limits: BackoffLimits,
  retryAfterMs: number | null = null,
): number {
  const bound = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(failures - 1, 30));
  const asked = Math.min(retryAfterMs ?? 0, maxRetryAfterMs);
  return asked + random * bound;
}
