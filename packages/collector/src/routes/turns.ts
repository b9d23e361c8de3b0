/** A fixed number of turns that many want. First come, first served. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #maxWaiting: number;
  #free: number;

  constructor(limits: { readonly atOnce: number; readonly maxWaiting: number }) {
    this.#free = limits.atOnce;
    this.#maxWaiting = limits.maxWaiting;
  }

  /** Resolves when it is the caller's turn, which lasts until it is disposed of; null if too many wait already. */
  async take(): Promise<Disposable | null> {
    if (this.#free > 0) this.#free -= 1;
    else if (this.#waiting.length >= this.#maxWaiting) return null;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        const next = this.#waiting.shift();
        if (next) next();
        else this.#free += 1;
      },
    };
  }
}
