/** Waiting for something to become true, with an end. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `probe` until it returns something other than undefined or false; throws after `timeoutMs`, naming `what`. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 15_000,
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
