/** Waiting for something to become true, with an end. */
import { setTimeout as sleep } from 'node:timers/promises';

/** No test fails because the machine is slow: one that starts programs from a busy disk has stood still for a minute. */
export const longestStallMs = 120_000;

/** Calls `probe` until it returns something other than undefined or false; throws after `timeoutMs`, naming `what`. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = longestStallMs,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      lastError = error;
    }
    await sleep(25);
  }
  throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`, { cause: lastError });
}
