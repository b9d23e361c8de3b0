/**
 * Paths that a watch event named, until they have been quiet for a while. A path that never rests is due after
 * {@link maxSettles} times the quiet time all the same. Bounded: beyond {@link maxSettlingPaths} the queue gives up
 * the names and asks for one sweep of everything.
 */

export const maxSettles = 10;
export const maxSettlingPaths = 20_000;

export type Settled =
  | { readonly kind: 'paths'; readonly paths: readonly string[] }
  | { readonly kind: 'everything' };

interface Waiting {
  readonly since: number;
  last: number;
}

export class SettleQueue {
  readonly #settleMs: number;
  readonly #limit: number;
  readonly #waiting = new Map<string, Waiting>();
  #overflow: Waiting | null = null;

  constructor(settleMs: number, limit = maxSettlingPaths) {
    this.#settleMs = settleMs;
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(path: string, now: number): void {
    const waiting = this.#overflow ?? this.#waiting.get(path);
    if (waiting) waiting.last = now;
    else if (this.#waiting.size < this.#limit) this.#waiting.set(path, { since: now, last: now });
    else {
      this.#waiting.clear();
      this.#overflow = { since: now, last: now };
    }
  }

  /** Milliseconds until {@link take} may have something; null if nothing waits. */
  msUntilDue(now: number): number | null {
    if (this.#overflow) return Math.max(0, this.#dueAt(this.#overflow) - now);
    if (this.#waiting.size === 0) return null;
    let soonest = Number.POSITIVE_INFINITY;
    for (const waiting of this.#waiting.values()) {
      soonest = Math.min(soonest, this.#dueAt(waiting));
      if (soonest <= now) return 0;
    }
    return soonest - now;
  }

  /** Takes out what is due. */
  take(now: number): Settled {
    if (this.#overflow) {
      if (this.#dueAt(this.#overflow) > now) return { kind: 'paths', paths: [] };
      this.#overflow = null;
      return { kind: 'everything' };
    }
    const paths: string[] = [];
    for (const [path, waiting] of this.#waiting) {
      if (this.#dueAt(waiting) > now) continue;
      paths.push(path);
      this.#waiting.delete(path);
    }
    return { kind: 'paths', paths };
  }

  #dueAt({ since, last }: Waiting): number {
    return Math.min(last + this.#settleMs, since + this.#settleMs * maxSettles);
  }
}
