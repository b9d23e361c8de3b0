/**
 * How often callers from one address may fail to identify themselves. A small amount is always allowed; then one
 * failure for each {@link refillMs}. Memory is bounded: of too many addresses the ones that failed longest ago are
 * forgotten. IPv6 counts by /64, since one caller has all of it.
 */
import type { Millis } from '#core/node-state';

export const failuresAtOnce = 20;
export const refillMs = 3000;
export const maxAddresses = 10_000;

export class FailureLimit {
  /** By address, when its failures will be forgotten; the one that failed longest ago first. */
  readonly #forgottenAt = new Map<string, Millis>();

  /** How long callers from there have to wait, in milliseconds; 0 if they may try. */
  waitMs(address: string, now: Millis): number {
    const forgottenAt = this.#forgottenAt.get(addressKey(address)) ?? 0;
    return Math.max(0, forgottenAt - now - (failuresAtOnce - 1) * refillMs);
  }

  failed(address: string, now: Millis): void {
    const key = addressKey(address);
    const from = Math.max(this.#forgottenAt.get(key) ?? 0, now);
    this.#forgottenAt.delete(key);
    this.#forgottenAt.set(key, from + refillMs);
    for (const oldest of this.#forgottenAt.keys()) {
      if (this.#forgottenAt.size <= maxAddresses) break;
      this.#forgottenAt.delete(oldest);
    }
  }
}

/** The address itself, or the first four groups of an IPv6 address. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4).join(':');
}
