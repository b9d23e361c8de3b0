/**
 * Paths that may differ from what the collector holds. Bounded: while a collector is away for a week, files with ever
 * new names come and go, and each name would stay. Beyond the limit the names are given up, and the next report
 * compares digests instead.
 */

export const maxDirtyPaths = 50_000;

export class DirtyPaths {
  readonly #limit: number;
  #paths = new Set<string>();
  #isOverfull = false;

  constructor(limit = maxDirtyPaths) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#paths.size === 0 && !this.#isOverfull;
  }

  add(path: string): void {
    if (this.#isOverfull) return;
    this.#paths.add(path);
    if (this.#paths.size <= this.#limit) return;
    this.#paths = new Set();
    this.#isOverfull = true;
  }

  /** Takes all of them out. Null: more than can be named. */
  take(): ReadonlySet<string> | null {
    const taken = this.#isOverfull ? null : this.#paths;
    this.#paths = new Set();
    this.#isOverfull = false;
    return taken;
  }

  putBack(taken: ReadonlySet<string>): void {
    for (const path of taken) this.add(path);
  }
}
