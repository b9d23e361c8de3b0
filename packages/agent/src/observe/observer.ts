import type { Manifest } from '@holdfast/shared/manifest';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { ScanResult } from '@holdfast/shared/wire';
import type { Observation, ObservedChange } from '#core/observation';
import { startCron } from '#io/cron';
import { FullScans } from './full-scans.ts';
import { MetadataSweeps } from './metadata-sweeps.ts';
import type { Log, ObserverOptions } from './options.ts';
import { Scanner } from './scanner.ts';
import { WatchNet } from './watch-net.ts';

/** The agent's eyes: scans, sweeps and watches from the start until it is disposed. */
export interface Observer extends Observation, AsyncDisposable {}

/** Resolves at once; the first full scan comes after `startDelayMs`. */
export async function startObserver(options: ObserverOptions): Promise<Observer> {
  return new TreeObserver(options);
}

class TreeObserver implements Observer {
  readonly scope: ScopeMatcher;
  readonly #log: Log;
  readonly #scanner: Scanner;
  readonly #watch: WatchNet;
  readonly #fullScans: FullScans;
  readonly #sweeps: MetadataSweeps;
  readonly #cron: Disposable;
  readonly #stateListeners = new Set<() => void>();
  readonly #scans = new Map<ScanResult['net'], ScanResult>();
  #isWatching = false;
  #closed = false;
  #toldBlindSpots = 0;

  constructor(options: ObserverOptions) {
    this.scope = options.scope;
    this.#log = options.log;
    this.#scanner = new Scanner(options);
    this.#watch = new WatchNet({
      observer: options,
      scanner: this.#scanner,
      onSettled: (paths) => void this.#lookAt(paths),
      onLost: () => void this.#sweeps.now(),
      onDegraded: () => this.#tellState(),
    });
    this.#sweeps = new MetadataSweeps({
      scanner: this.#scanner,
      everySeconds: options.metadataScanSeconds,
      onResult: (result) => this.#takeSweep(result),
      log: options.log,
    });
    this.#fullScans = new FullScans(options, this.#scanner, (result) => this.#takeFullScan(result));
    this.#cron = startCron({
      expression: options.fullScanCron,
      timezone: options.timezone ?? 'UTC',
      run: () => void this.#fullScans.scheduled(),
    });
    this.#fullScans.startFirst();
  }

  get manifest(): Manifest | null {
    return this.#isWatching ? this.#scanner.tree.manifest : null;
  }

  get blindSpots(): readonly BlindSpot[] {
    return this.#scanner.blindSpots;
  }

  get scans(): readonly ScanResult[] {
    return [...this.#scans.values()];
  }

  get watchDegraded(): string | null {
    return this.#watch.degraded;
  }

  onChange(listener: (changes: readonly ObservedChange[]) => void): () => void {
    return this.#scanner.feed.subscribe(listener);
  }

  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  rescan(): Promise<ScanResult> {
    return this.#fullScans.rescan();
  }

  sweep(): Promise<void> {
    return this.#sweeps.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#sweeps[Symbol.dispose]();
    this.#cron[Symbol.dispose]();
    await Promise.all([
      this.#fullScans[Symbol.asyncDispose](),
      this.#watch[Symbol.asyncDispose](),
      this.#scanner[Symbol.asyncDispose](),
    ]);
  }

  #takeFullScan(result: ScanResult): void {
    this.#scans.set('full', result);
    if (!this.#isWatching) {
      this.#isWatching = true;
      this.#scanner.feed.isMuted = false;
      this.#log.info({ ...result }, 'the first full scan has ended');
      void this.#startWatching();
    } else this.#log.info({ ...result }, 'a full scan has ended');
    this.#tellState();
  }

  /** What changes between the first scan and the first watch is found by the sweep that follows. */
  async #startWatching(): Promise<void> {
    await this.#watch.start();
    await this.#sweeps.now();
  }

  #takeSweep(result: ScanResult): void {
    this.#scans.set('metadata', result);
    this.#watch.watchNewRoots();
    this.#tellState();
  }

  async #lookAt(paths: readonly string[]): Promise<void> {
    try {
      await this.#scanner.lookAt(paths);
      if (this.#scanner.tree.blindSpotsRevision !== this.#toldBlindSpots) this.#tellState();
    } catch (error) {
      if (!this.#closed) this.#log.error({ err: error }, 'a look at changed paths failed');
    }
  }

  #tellState(): void {
    this.#toldBlindSpots = this.#scanner.tree.blindSpotsRevision;
    for (const listener of this.#stateListeners) listener();
  }
}
