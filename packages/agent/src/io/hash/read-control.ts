/**
 * Memory that a pool shares with its workers: whether to stop, and how fast to read.
 *
 * The limit is one queue over all workers: each reserves the time that its next bytes take at the limit, and waits
 * for its turn. A wait ends at once when the pool stops.
 */

const stopIndex = 0;
const kibPerSecondIndex = 1;
const headerBytes = 16;
/** Unused time is not saved up: after a pause the reading goes on at the limit. */
const microsecondsPerSecond = 1e6;

export class ReadControl {
  readonly memory: SharedArrayBuffer;
  readonly #flags: Int32Array<SharedArrayBuffer>;
  /** Microseconds of the monotonic clock, from when on the next bytes may be read. */
  readonly #nextTurn: BigInt64Array<SharedArrayBuffer>;

  constructor(memory = new SharedArrayBuffer(headerBytes + 8)) {
    this.memory = memory;
    this.#flags = new Int32Array(memory, 0, 2);
    this.#nextTurn = new BigInt64Array(memory, headerBytes, 1);
  }

  /** 0: no limit. Takes effect for the next bytes. */
  setLimit(mibPerSecond: number): void {
    Atomics.store(this.#flags, kibPerSecondIndex, Math.ceil(mibPerSecond * 1024));
  }

  stop(): void {
    Atomics.store(this.#flags, stopIndex, 1);
    Atomics.notify(this.#flags, stopIndex);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#flags, stopIndex) === 1;
  }

  /** Blocks this thread, unless the pool stops. Not for the main thread. */
  wait(ms: number): void {
    Atomics.wait(this.#flags, stopIndex, 0, ms);
  }

  /** Blocks this thread until `bytes` may be read. Not for the main thread. */
  waitForTurn(bytes: number): void {
    const kibPerSecond = Atomics.load(this.#flags, kibPerSecondIndex);
    if (kibPerSecond === 0) return;
    const cost = BigInt(Math.ceil((bytes / (kibPerSecond * 1024)) * microsecondsPerSecond));
    for (;;) {
      const now = process.hrtime.bigint() / 1000n;
      const turn = Atomics.load(this.#nextTurn, 0);
      const start = turn > now ? turn : now;
      if (Atomics.compareExchange(this.#nextTurn, 0, turn, start + cost) !== turn) continue;
      const waitMs = Number(start - now) / 1000;
      if (waitMs > 0) this.wait(waitMs);
      return;
    }
  }
}
