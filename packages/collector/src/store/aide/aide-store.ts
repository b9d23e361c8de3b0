import type { Millis } from '#core/node-state';
import type { PackedAideDatabase } from '#store/aide/database-rows';
import type { GroupCommit } from '#store/group-commit';
import type { NodeCache } from '#store/node-cache';
import { reading } from '#store/storage-error';
import type { AideStore } from '#store/store';
import type { Tables } from '#store/tables';

export class AideStoreOnSqlite implements AideStore {
  readonly #tables: Tables;
  readonly #cache: NodeCache;
  readonly #commits: GroupCommit;

  constructor(tables: Tables, cache: NodeCache, commits: GroupCommit) {
    this.#tables = tables;
    this.#cache = cache;
    this.#commits = commits;
  }

  putDatabase(node: string, database: PackedAideDatabase, at: Millis): Promise<boolean> {
    return this.#commits.run(() => {
      const record = this.#cache.current(node);
      if (record) this.#tables.aideDatabases.upload(record.id, database, at);
      return record !== null;
    });
  }

  async database(node: string, digest: string) {
    const record = this.#cache.durable(node);
    return record && reading(() => this.#tables.aideDatabases.packedOf(record.id, digest));
  }

  async lists(node: string) {
    const record = this.#cache.durable(node);
    const { aideLists } = this.#tables;
    if (!record) return { pending: [], disagreements: [] };
    return reading(() => ({
      pending: aideLists.pending(record.id),
      disagreements: aideLists.disagreements(record.id),
    }));
  }
}
