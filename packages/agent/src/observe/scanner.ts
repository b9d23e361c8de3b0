/** Ties the walk, the readers and the observed tree together: full scans, metadata sweeps and looks at single paths. */
import { setTimeout as sleep } from 'node:timers/promises';
import { countUnreadOf } from '#core/count-unread';
import { collapseBlindSpots } from '#core/collapse-blind-spots';
import { ObservedTree } from '#core/observed-tree';
import { hostPathsUnder } from '#io/tree/host-path';
import type { MountPoints } from '#core/mount-points';
import { readMountPoints } from '#io/tree/read-mount-points';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { ScanResult } from '@holdfast/shared/wire';
import { ChangeFeed } from './change-feed.ts';
import { ContentReader } from './content-reader.ts';
import type { ScanOptions } from './options.ts';
import { Recorder } from './recorder.ts';
import { type Pause, runInSlices } from './run-in-slices.ts';
import { Surveyor } from './surveyor.ts';
import { newVisit, type Visit, whenRead } from './visit.ts';

/** A full scan waits for the readers when so many files are queued, so that a large scope does not fill the memory. */
export const defaultMaxQueuedScans = 20_000;
const queuePollMs = 50;

export class Scanner implements AsyncDisposable {
  readonly tree: ObservedTree;
  readonly feed: ChangeFeed;
  /** Directories that the last walk over everything met and no watcher can be told of. */
  unwatchable = 0;
  readonly #options: ScanOptions;
  readonly #clock: () => number;
  readonly #reader: ContentReader;
  readonly #surveyor: Surveyor;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #canReadMountinfo = true;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    const hostPath = hostPathsUnder(options.hostRoot);
    this.tree = new ObservedTree(options.scope.digest);
    this.feed = new ChangeFeed(this.#clock);
    this.#reader = new ContentReader({
      hostPath,
      clock: this.#clock,
      onRead: (request, outcome) => this.#surveyor.takeRead(request, outcome),
      afterReads: () => this.#afterStep(),
    });
    this.#surveyor = new Surveyor({
      scope: options.scope,
      recorder: new Recorder(options.scope, this.tree, this.feed),
      hostPath,
      readMountPoints: () => this.#mountPoints(),
      requestRead: (request) => this.#reader.request(request),
      maxFileBytes: options.maxFileMib * 1024 * 1024,
      log: options.log,
    });
  }

  /** For full scans; 0: no limit. Holds for a scan that is running too. */
  setScanLimit(mibPerSecond: number): void {
    this.#reader.setScanLimit(mibPerSecond);
  }

  get blindSpots(): readonly BlindSpot[] {
    return collapseBlindSpots(this.tree.blindSpots, this.#options.scope.roots);
  }

  /** Whether walks enter `path`, by the mounts that the last walk knew of. */
  isEntered(path: string): boolean {
    return this.#surveyor.isEntered(path);
  }

  /** Looks at everything and reads every file. Rejects when `signal` aborts or the scanner is disposed. */
  fullScan(signal?: AbortSignal): Promise<ScanResult> {
    return this.#scan('full', signal);
  }

  /** Looks at everything and reads what lstat says has changed. `onWalked` is called when only reads are left. */
  metadataSweep(onWalked?: () => void): Promise<ScanResult> {
    return this.#scan('metadata', undefined, onWalked);
  }

  /** Looks at what watch events named. Resolves when their files have been read. */
  async lookAt(paths: readonly string[]): Promise<void> {
    const visit = newVisit('watch');
    await this.#run(this.#surveyor.named(paths, visit), visit, this.#closing.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the scanner is closing'));
    await this.#reader[Symbol.asyncDispose]();
    await Promise.allSettled(this.#running);
  }

  async #scan(net: 'full' | 'metadata', signal?: AbortSignal, onWalked?: () => void): Promise<ScanResult> {
    const startedAt = new Date(this.#clock()).toISOString();
    const start = performance.now();
    const visit = newVisit(net, net === 'full');
    const ended = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    await this.#run(this.#surveyor.everything(visit), visit, ended, onWalked);
    this.unwatchable = visit.unwatchable;
    const { hashed, bytes, changed } = visit;
    const { manifest } = this.tree;
    return {
      net,
      startedAt,
      durationMs: Math.round((performance.now() - start) * 1000) / 1000,
      entries: manifest.size,
      hashed,
      bytes,
      unread: countUnreadOf(manifest),
      changed,
    };
  }

  async #run(
    steps: Iterator<Pause | void>,
    visit: Visit,
    signal: AbortSignal,
    onWalked?: () => void,
  ): Promise<void> {
    const { maxQueuedScans = defaultMaxQueuedScans } = this.#options;
    const run = runInSlices(steps, signal, async () => {
      this.#afterStep();
      if (!visit.readsAll) return; // sweeps and looks never wait for a full scan
      while (this.#reader.queuedScans > maxQueuedScans) await sleep(queuePollMs, undefined, { signal });
    }).then(() => {
      onWalked?.();
      return whenRead(visit, signal);
    });
    this.#running.add(run);
    try {
      await run;
    } finally {
      this.#running.delete(run);
    }
  }

  #afterStep(): void {
    this.#reader.dispatch();
    if (this.#reader.isIdle) this.tree.forgetRemovals();
    this.feed.flush();
  }

  #mountPoints(): MountPoints {
    try {
      return readMountPoints(this.#options.hostRoot);
    } catch (error) {
      if (this.#canReadMountinfo) {
        this.#options.log.warn(
          { err: error },
          'the list of mounts cannot be read: only directories on another device are taken for mounts',
        );
      }
      this.#canReadMountinfo = false;
      return new Map();
    }
  }
}
