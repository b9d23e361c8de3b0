import type { ObservedChange } from '#core/observation';
import type { Difference } from '#core/observed-tree';
import type { Visit } from './visit.ts';

/** Gathers differences until the code that makes them has ended its turn, and tells them in one batch. */
export class ChangeFeed {
  readonly #clock: () => number;
  readonly #listeners = new Set<(changes: readonly ObservedChange[]) => void>();
  #waiting: ObservedChange[] = [];
  /** Set for the first full scan, whose differences are the manifest. */
  isMuted = true;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  subscribe(listener: (changes: readonly ObservedChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(difference: Difference | null, visit: Visit): void {
    if (!difference) return;
    visit.changed += 1;
    if (this.isMuted) return;
    const at = new Date(this.#clock()).toISOString();
    this.#waiting.push({ at, net: visit.net, ...difference });
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const changes = this.#waiting;
    this.#waiting = [];
    for (const listener of this.#listeners) listener(changes);
  }
}
