/** How large the database is, and how what it no longer needs goes back to the file system. */
import type { Database } from 'better-sqlite3';
import type { GroupCommit } from '#store/group-commit';

/** Kept for the next writes: 8 MiB. Growing the file again would cost more than it saves. */
const keptPages = 2048;
/** Moved in one step: each is read and written once. */
const pagesPerStep = 128;

export class SpaceOnDisk {
  readonly #db: Database;
  readonly #commits: GroupCommit;
  readonly #pageBytes: number;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
    this.#pageBytes = this.#read('page_size');
  }

  size(): { databaseBytes: number; unusedBytes: number } {
    return {
      databaseBytes: this.#read('page_count') * this.#pageBytes,
      unusedBytes: this.#read('freelist_count') * this.#pageBytes,
    };
  }

  usedBytes(): number {
    const { databaseBytes, unusedBytes } = this.size();
    return databaseBytes - unusedBytes;
  }

  /** A database that was not made with incremental vacuum keeps its pages, and uses them again. */
  async giveBack(): Promise<void> {
    const incremental = 2;
    if (this.#read('auto_vacuum') !== incremental) return;
    let free = this.#read('freelist_count');
    while (free > keptPages) {
      const pages = Math.min(pagesPerStep, free - keptPages);
      await this.#commits.run(() => void this.#db.pragma(`incremental_vacuum(${pages})`));
      const left = this.#read('freelist_count');
      if (left >= free) return;
      free = left;
    }
  }

  #read(pragma: 'page_size' | 'page_count' | 'freelist_count' | 'auto_vacuum'): number {
    return this.#db.pragma(pragma, { simple: true }) as number;
  }
}
