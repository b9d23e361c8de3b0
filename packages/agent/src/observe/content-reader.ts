/**
 * Reads the content of files, each path by one reader at a time.
 *
 * Two lanes: `scan` for full scans, which may be limited in speed, and `prompt` for what a sweep or a watch event
 * found, which waits for no scan. A request for a path that is already being read joins that read if lstat says the
 * same to both, and follows it otherwise; a request that has not begun makes way for a newer one. No visit ends before
 * what it asked for was read, by whomever: one that hangs keeps all from ending who saw the change.
 */
import { availableParallelism } from 'node:os';
import { type FileStat, isSameContent } from '#core/file-stat';
import { type HashJob, HashPool } from '#io/hash/hash-pool';
import { hashSmallFile, maxSmallFileBytes } from '#io/hash/hash-small-file';
import type { HashOutcome } from '#io/hash/hash-task';
import type { FsPath, HostPath } from '#io/tree/host-path';
import type { Visit } from './visit.ts';

export interface ReadRequest {
  readonly path: string;
  readonly stat: FileStat;
  /** Of the lstat that made `stat`. */
  readonly sequence: number;
  /** From 1. */
  readonly attempt: number;
  readonly visit: Visit;
}

/** Up to this many small files at a time are read without a worker thread; more are worth waking the workers. */
const maxReadsOnMainThread = 8;

type Lane = 'scan' | 'prompt';

/** A class, and not an object of closures: thousands wait at a time. */
class Read implements HashJob {
  readonly request: ReadRequest;
  readonly lane: Lane;
  readonly path: FsPath;
  readonly #settle: (read: Read, outcome: HashOutcome) => void;
  hasBegun = false;
  /** Nobody wants the result of a superseded read that has not begun. */
  isSuperseded = false;
  next: ReadRequest | null = null;
  /** Visits that asked for what is being read already. They wait until nothing of the path is left to read. */
  joined: Visit[] = [];

  constructor(request: ReadRequest, path: FsPath, settle: (read: Read, outcome: HashOutcome) => void) {
    this.request = request;
    this.lane = laneOf(request);
    this.path = path;
    this.#settle = settle;
  }

  get expected(): FileStat {
    return this.request.stat;
  }

  isWanted(): boolean {
    this.hasBegun = !this.isSuperseded;
    return this.hasBegun;
  }

  settle(outcome: HashOutcome): void {
    this.#settle(this, outcome);
  }
}

export interface ContentReaderOptions {
  readonly hostPath: HostPath;
  readonly clock: () => number;
  /** Takes a result in. Not called for reads that were cancelled or superseded. */
  readonly onRead: (request: ReadRequest, outcome: Exclude<HashOutcome, { kind: 'cancelled' }>) => void;
  /** Called when a group of results has been taken in. */
  readonly afterReads: () => void;
}

export class ContentReader implements AsyncDisposable {
  readonly #options: ContentReaderOptions;
  readonly #reads = new Map<string, Read>();
  readonly #scanPool: HashPool;
  readonly #promptPool: HashPool;
  readonly #settleRead = (read: Read, outcome: HashOutcome): void => this.#settle(read, outcome);
  #onMainThread = new Set<Promise<void>>();
  #closed = false;

  constructor(options: ContentReaderOptions) {
    this.#options = options;
    this.#scanPool = new HashPool(availableParallelism(), options.afterReads);
    this.#promptPool = new HashPool(availableParallelism(), options.afterReads);
  }

  get isIdle(): boolean {
    return this.#reads.size === 0;
  }

  /** Full-scan reads that have not been given to a worker. */
  get queuedScans(): number {
    return this.#scanPool.queued;
  }

  setScanLimit(mibPerSecond: number): void {
    this.#scanPool.setLimit(mibPerSecond);
  }

  /** Gives what was asked for to the workers. */
  dispatch(): void {
    this.#scanPool.dispatch();
    this.#promptPool.dispatch();
  }

  request(request: ReadRequest): void {
    if (this.#closed) return;
    request.visit.reading += 1;
    const read = this.#reads.get(request.path);
    if (!read) return this.#start(request);
    const latest = read.next ?? read.request;
    if (read.hasBegun) {
      if (isSameContent(latest.stat, request.stat)) read.joined.push(request.visit);
      else {
        if (read.next) read.joined.push(read.next.visit);
        read.next = request;
      }
      return;
    }
    const isHeldBack = read.lane === 'scan' && laneOf(request) === 'prompt';
    if (!isHeldBack && isSameContent(latest.stat, request.stat)) read.joined.push(request.visit);
    else this.#supersede(read, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([
      this.#scanPool[Symbol.asyncDispose](),
      this.#promptPool[Symbol.asyncDispose](),
      ...this.#onMainThread,
    ]);
  }

  #supersede(read: Read, request: ReadRequest): void {
    read.isSuperseded = true;
    this.#start(request, [...read.joined, read.request.visit]);
  }

  #start(request: ReadRequest, joined: Visit[] = []): void {
    const read = new Read(request, this.#options.hostPath(request.path), this.#settleRead);
    read.joined = joined;
    this.#reads.set(request.path, read);
    if (
      read.lane === 'prompt' &&
      request.stat.size <= maxSmallFileBytes &&
      this.#onMainThread.size < maxReadsOnMainThread
    ) {
      read.hasBegun = true;
      const reading = hashSmallFile(read, this.#options.clock).then((outcome) => {
        this.#onMainThread.delete(reading);
        read.settle(outcome);
        this.#options.afterReads();
      });
      this.#onMainThread.add(reading);
    } else (read.lane === 'scan' ? this.#scanPool : this.#promptPool).submit(read);
  }

  #settle(read: Read, outcome: HashOutcome): void {
    if (read.isSuperseded) return;
    const { request, next } = read;
    this.#reads.delete(request.path);
    const isOvertaken = outcome.kind === 'moved' && next !== null;
    if (outcome.kind !== 'cancelled' && !isOvertaken && !this.#closed) this.#options.onRead(request, outcome);
    if (next) {
      next.visit.reading -= 1;
      this.request(next);
    }
    // Not before: looks that the result asked for belong to the same visit, and those that joined wait for them too.
    const follower = this.#reads.get(request.path);
    if (follower) follower.joined.push(...read.joined);
    else for (const visit of read.joined) finish(visit);
    finish(request.visit);
    if (next?.visit.reading === 0) next.visit.onRead?.();
  }
}

function laneOf(request: ReadRequest): Lane {
  return request.visit.net === 'full' ? 'scan' : 'prompt';
}

function finish(visit: Visit): void {
  visit.reading -= 1;
  if (visit.reading === 0) visit.onRead?.();
}
