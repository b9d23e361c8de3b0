/** When full scans run: the first one after a delay, scheduled ones within the read limit, asked-for ones at full speed; never two at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScanResult } from '@holdfast/shared/wire';
import type { ObserverOptions } from './options.ts';
import type { Scanner } from './scanner.ts';

/** After a full scan that failed as a whole. */
const retryMs = 60_000;

export class FullScans implements AsyncDisposable {
  readonly #options: ObserverOptions;
  readonly #scanner: Scanner;
  readonly #onResult: (result: ScanResult) => void;
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  /** Of the scan that runs, or waits for its start. */
  #running: Promise<unknown> | null = null;
  /** Of the rescan that follows it; later callers share it. */
  #waiting: Promise<ScanResult> | null = null;

  constructor(options: ObserverOptions, scanner: Scanner, onResult: (result: ScanResult) => void) {
    this.#options = options;
    this.#scanner = scanner;
    this.#onResult = onResult;
  }

  startFirst(): void {
    this.#running = this.#first();
  }

  /** Leaves the scan out if one is running. */
  async scheduled(): Promise<void> {
    if (this.#running || this.#waiting || this.#closing.signal.aborted) return;
    await this.#run(this.#options.readMibPerSecond).catch((error: unknown) => this.#logFailure(error));
  }

  rescan(): Promise<ScanResult> {
    this.#hurry.abort();
    this.#scanner.setScanLimit(0);
    this.#waiting ??= this.#rescanAfterRunning();
    return this.#waiting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the observer is closing'));
    await Promise.allSettled([this.#running, this.#waiting]);
  }

  async #first(): Promise<void> {
    const { startDelayMs, startAtFullSpeed, readMibPerSecond } = this.#options;
    await this.#sleepUnlessHurried(startDelayMs);
    while (!this.#closing.signal.aborted) {
      try {
        const isLimited = !startAtFullSpeed && !this.#hurry.signal.aborted;
        await this.#run(isLimited ? readMibPerSecond : 0);
        return;
      } catch (error) {
        this.#logFailure(error);
      }
      await sleep(retryMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  async #rescanAfterRunning(): Promise<ScanResult> {
    await Promise.allSettled([this.#running]);
    this.#waiting = null;
    return this.#run(0);
  }

  #run(mibPerSecond: number): Promise<ScanResult> {
    this.#scanner.setScanLimit(mibPerSecond);
    const running = this.#scanner.fullScan(this.#closing.signal).then((result) => {
      this.#onResult(result);
      return result;
    });
    const forget = (): void => {
      if (this.#running === running) this.#running = null;
    };
    this.#running = running;
    running.then(forget, forget);
    return running;
  }

  async #sleepUnlessHurried(ms: number): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, this.#hurry.signal]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  #logFailure(error: unknown): void {
    if (!this.#closing.signal.aborted) this.#options.log.error({ err: error }, 'a full scan failed');
  }
}
