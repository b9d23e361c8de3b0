/**
 * When nodes were last heard, by a clock that never jumps: silence must neither hide behind a wall clock that was put
 * back nor be made by one that was put forward. Nothing need be stored, since silence counts from the later of the last
 * report and this process's own start.
 */
import type { NodeAges } from '#core/node-status';

export class Liveness {
  /** Milliseconds from any origin. */
  readonly #monotonic: () => number;
  readonly #startedAt: number;
  readonly #reported = new Map<string, number>();
  readonly #observed = new Map<string, number>();

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#startedAt = monotonic();
  }

  /** A report was taken; `isObserving`: it told of a manifest, which an agent that is starting has not. */
  heard(node: string, isObserving: boolean): void {
    const now = this.#monotonic();
    this.#reported.set(node, now);
    if (isObserving) this.#observed.set(node, now);
  }

  /** Whether a report came since this process started. */
  wasHeard(node: string): boolean {
    return this.#reported.has(node);
  }

  ages(node: string): NodeAges {
    const now = this.#monotonic();
    const since = (times: ReadonlyMap<string, number>) => now - (times.get(node) ?? this.#startedAt);
    return { sinceReportMs: since(this.#reported), sinceObservedMs: since(this.#observed) };
  }
}
