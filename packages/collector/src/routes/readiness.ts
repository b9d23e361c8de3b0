/**
 * Whether the collector can do its work: take reports, and keep them. It is tried by a durable write, but not at every
 * question: probes come from several sides, and each write is an fsync.
 */
import { StorageDamagedError } from '#store/storage-error';
import { StorageUnavailableError, type Store } from '#store/store';

/** For how long an answer holds. */
export const readyKeptMs = 5000;
export const notReadyKeptMs = 1000;

export class Readiness {
  readonly #store: Pick<Store, 'isWritable'>;
  readonly #monotonic: () => number;
  #keptUntil = Number.NEGATIVE_INFINITY;
  #isWritable: Promise<boolean> = Promise.resolve(false);
  #isDamaged = false;

  constructor(store: Pick<Store, 'isWritable'>, monotonic: () => number) {
    this.#store = store;
    this.#monotonic = monotonic;
  }

  /**
   * What a request ran into. Damage does not heal: until a restart, the collector is not ready. A disk that has just refused a write
   * refuses more for a moment, also if the small one of a trial would pass.
   */
  saw(error: Error): void {
    this.#isDamaged ||= error instanceof StorageDamagedError;
    if (!(error instanceof StorageUnavailableError)) return;
    this.#isWritable = Promise.resolve(false);
    this.#keptUntil = this.#monotonic() + notReadyKeptMs;
  }

  /** Why the collector is not ready; null if it is. */
  async problem(): Promise<string | null> {
    if (this.#isDamaged) return 'The database is damaged. The log of the collector says where.';
    if (this.#monotonic() >= this.#keptUntil) {
      this.#keptUntil = Number.POSITIVE_INFINITY;
      this.#isWritable = this.#try();
    }
    return (await this.#isWritable) ? null : 'The store cannot be written to at present.';
  }

  async #try(): Promise<boolean> {
    const isWritable = await this.#store.isWritable();
    this.#keptUntil = this.#monotonic() + (isWritable ? readyKeptMs : notReadyKeptMs);
    return isWritable;
  }
}
