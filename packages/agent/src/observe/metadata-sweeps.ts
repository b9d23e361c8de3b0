/**
 * When metadata sweeps run: every so often, and at once when asked for. One walk at a time; a sweep waits for nothing
 * that an earlier one, or a full scan, still reads.
 */
import type { ScanResult } from '@holdfast/shared/wire';
import type { Log } from './options.ts';
import type { Scanner } from './scanner.ts';

export interface MetadataSweepsOptions {
  readonly scanner: Scanner;
  readonly everySeconds: number;
  /** Called when a sweep has ended, unless a later one has before it. */
  readonly onResult: (result: ScanResult) => void;
  readonly log: Log;
}

export class MetadataSweeps implements Disposable {
  readonly #options: MetadataSweepsOptions;
  /** Resolves when the walk that is running has ended. */
  #walking: Promise<void> | null = null;
  /** The sweep that began last. */
  #sweeping = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;
  #told = 0;
  #closed = false;

  constructor(options: MetadataSweepsOptions) {
    this.#options = options;
  }

  /**
   * A sweep that begins now, or as soon as the walk that is running has ended; the next ones follow it. Resolves when it
   * has ended, however it did.
   */
  async now(): Promise<void> {
    await this.#walking;
    if (this.#closed) return;
    if (this.#walking) return this.#sweeping; // another one waited too, and has begun it
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now(), this.#options.everySeconds * 1000);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#walking = promise;
    this.#sweeping = this.#sweep(() => {
      if (this.#walking === promise) this.#walking = null;
      resolve();
    });
    await this.#sweeping;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #sweep(onWalked: () => void): Promise<void> {
    const { scanner, onResult, log } = this.#options;
    const number = ++this.#begun;
    try {
      const result = await scanner.metadataSweep(onWalked);
      if (number < this.#told) return;
      this.#told = number;
      onResult(result);
    } catch (error) {
      if (!this.#closed) log.error({ err: error }, 'a metadata sweep failed');
    } finally {
      onWalked();
    }
  }
}
