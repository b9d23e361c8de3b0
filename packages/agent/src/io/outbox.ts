/**
 * The outbox: every event, in order, on disk until the collector has acknowledged it.
 *
 * 1. A position is never given to two events of one journal that may both reach the collector, because it would take
 *    the second for a repeat and drop it. So an event may go into a report only once it is on disk, or if the disk
 *    refuses, under a journal id that no disk has seen.
 * 2. What a crash left half written is cut off; it was never reported. Any other damage, or all of it gone, puts the
 *    journal aside, and what in it still checks out moves to a new one.
 * 3. Over its limits the outbox drops its oldest events, counts them, and says so.
 * 4. While the disk refuses, events are kept in memory, and writing is tried again until it works.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ObservedEvent } from '@holdfast/shared/wire';
import { EventQueue, encodeEvent, type QueueLimit } from '#core/event-queue';
import type { ObservedChange } from '#core/observation';
import { type Outbox, type OutboxBatch, outboxTrouble } from '#core/outbox';
import { OutboxDisk } from '#io/outbox-disk';
import { DamagedOutboxError, loadSegments } from '#io/outbox-files';
import { listSetAside, salvage, setAside } from '#io/outbox-set-aside';
import type { StateDirectory } from '#io/state-directory';
import type { Log } from '../observe/options.ts';

export const defaultOutboxMiB = 20;
export const defaultOutboxEvents = 50_000;
/** What is kept in memory while the disk refuses. */
export const maxOutboxMemoryBytes = 8 * 1024 * 1024;
/** Room is made by dropping a segment, so each is a small part of the whole. */
const segmentsPerOutbox = 16;
const defaultRetryMs = 5000;

export interface OutboxOptions {
  readonly stateDirectory: StateDirectory;
  readonly log: Pick<Log, 'info' | 'error'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Default {@link defaultOutboxMiB}. */
  readonly maxBytes?: number;
  /** Default {@link defaultOutboxEvents}. */
  readonly maxEvents?: number;
  /** Between two tries to write while the disk refuses. Default 5 s. */
  readonly retryMs?: number;
}

/** Rejects with the system's error if what is on disk cannot be read. Dispose it to have everything written. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox & AsyncDisposable> {
  const outbox = new DiskOutbox(options);
  await outbox.load();
  return outbox;
}

class DiskOutbox implements Outbox, AsyncDisposable {
  readonly #options: OutboxOptions;
  readonly #limit: QueueLimit;
  readonly #segmentLimit: QueueLimit;
  readonly #directory: string;
  readonly #queue = new EventQueue();
  #disk: OutboxDisk;
  #journal = newJournal();
  /** Events that were taken from the queue and are being written. */
  #inWriting = 0;
  #next = 1;
  #acknowledged = 0;
  #dropped = 0;
  /** Whether a count or the id has changed since it was last written. */
  #isHeadStale = false;
  #isFull = false;
  #failure: string | null = null;
  #damage: DamagedOutboxError | null = null;
  #setAside: string[] = [];
  #writing: Promise<boolean> | null = null;
  #retry: NodeJS.Timeout | null = null;

  constructor(options: OutboxOptions) {
    const { maxBytes = defaultOutboxMiB * 1024 * 1024, maxEvents = defaultOutboxEvents } = options;
    this.#options = options;
    this.#limit = { maxBytes, maxEvents };
    this.#segmentLimit = {
      maxBytes: Math.ceil(maxBytes / segmentsPerOutbox),
      maxEvents: Math.ceil(maxEvents / segmentsPerOutbox),
    };
    this.#directory = join(options.stateDirectory.path, 'outbox');
    this.#disk = new OutboxDisk(this.#directory, this.#segmentLimit, [], null);
  }

  get journal(): string {
    return this.#journal;
  }

  get waiting(): number {
    return this.#queue.length + this.#inWriting + this.#disk.waiting(this.#acknowledged);
  }

  get bytes(): number {
    return this.#disk.bytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get degraded(): string | null {
    const { path } = this.#options.stateDirectory;
    this.#setAside = this.#setAside.filter((name) => existsSync(join(path, name)));
    return outboxTrouble(this.#failure, this.#isFull ? this.#dropped : null, this.#setAside);
  }

  async load(): Promise<void> {
    const { log, stateDirectory } = this.#options;
    this.#setAside = await listSetAside(stateDirectory.path);
    try {
      const { segments, head, cutBytes } = await loadSegments(this.#directory);
      this.#disk = new OutboxDisk(this.#directory, this.#segmentLimit, segments, head?.journal ?? null);
      if (head) {
        this.#journal = head.journal;
        this.#next = head.next;
        this.#acknowledged = head.acknowledged;
        this.#dropped = head.dropped;
      }
      this.#isHeadStale = head === null;
      if (cutBytes > 0)
        log.info({ bytes: cutBytes }, 'a crash had left the outbox half written; cut that off');
    } catch (error) {
      if (!(error instanceof DamagedOutboxError)) throw error;
      this.#damage = error;
    }
    await this.settled();
  }

  append(changes: readonly ObservedChange[]): void {
    for (const change of changes) {
      const { at, net, path, before, after } = change;
      this.#queue.push(encodeEvent({ position: this.#next, at, net, path, before, after }));
      this.#next += 1;
    }
    const { maxEvents, maxBytes } = this.#limit;
    const memoryLimit = this.#failure ? Math.min(maxBytes, maxOutboxMemoryBytes) : maxBytes;
    this.#countDropped(this.#queue.trim({ maxEvents, maxBytes: memoryLimit }));
    if (!this.#retry) void this.settled();
  }

  settled(): Promise<boolean> {
    if (this.#writing) return this.#writing;
    if (!this.#hasWork()) return Promise.resolve(true);
    this.#writing = this.#writeAll();
    return this.#writing;
  }

  async read(limit: QueueLimit): Promise<OutboxBatch> {
    await this.settled();
    const events = await this.#readDisk(limit);
    if (events.length > 0 || !this.#failure || this.#queue.length === 0) {
      return { journal: this.#journal, events };
    }
    if (this.#journal === this.#disk.journal) this.#journal = newJournal(); // rule 1
    const kept = this.#queue.first(limit).map((event) => JSON.parse(event.json) as ObservedEvent);
    return { journal: this.#journal, events: kept };
  }

  acknowledge(journal: string, stored: number): void {
    if (journal !== this.#journal || stored <= this.#acknowledged) return;
    this.#isHeadStale = true;
    if (stored >= this.#next) {
      // This disk was put back to an older state, and positions are being given a second time.
      this.#options.log.error(
        { stored, next: this.#next },
        'the outbox went back in time; starting a new journal',
      );
      this.#journal = newJournal();
    } else {
      this.#acknowledged = stored;
      this.#queue.removeThrough(stored);
      this.#isFull = false;
    }
    if (!this.#retry) void this.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isSafe = await this.settled();
    if (this.#retry) clearTimeout(this.#retry);
    if (!isSafe && this.#queue.length > 0) {
      this.#options.log.error(
        { events: this.#queue.length },
        'events are lost: the outbox could not be written',
      );
    }
  }

  #hasWork(): boolean {
    return this.#isHeadStale || this.#damage !== null || this.#queue.length > 0;
  }

  async #writeAll(): Promise<boolean> {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
    try {
      while (this.#hasWork()) {
        if (this.#damage) await this.#startOver(this.#damage);
        await this.#writeBatch();
      }
      if (this.#failure) this.#options.log.info({}, 'the outbox can be written again');
      this.#failure = null;
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    } finally {
      this.#writing = null; // in the same turn as the last look at the queue, so that no append falls between
    }
  }

  async #writeBatch(): Promise<void> {
    const events = this.#queue.first(this.#segmentLimit);
    const acknowledged = this.#acknowledged;
    this.#queue.removeThrough(events.at(-1)?.position ?? 0);
    this.#inWriting = events.length;
    this.#isHeadStale = false;
    try {
      await this.#disk.write(
        { format: 1, journal: this.#journal, next: this.#next, acknowledged, dropped: this.#dropped },
        events,
      );
    } catch (error) {
      this.#queue.prepend(events.filter((event) => event.position > this.#acknowledged));
      this.#isHeadStale = true;
      if (!(error instanceof DamagedOutboxError)) throw error;
      this.#damage = error;
      return;
    } finally {
      this.#inWriting = 0;
    }
    await this.#disk.removeThrough(acknowledged);
    this.#countDropped(await this.#disk.dropOldest(this.#limit, acknowledged));
  }

  async #readDisk(limit: QueueLimit): Promise<readonly ObservedEvent[]> {
    try {
      return await this.#disk.read(this.#acknowledged, limit);
    } catch (error) {
      if (error instanceof DamagedOutboxError) {
        this.#damage = error;
        await this.settled();
      } else {
        this.#failed(error);
      }
      return [];
    }
  }

  /** Puts a damaged journal aside, and takes what still checks out of it into a new one. */
  async #startOver(damage: DamagedOutboxError): Promise<void> {
    const { log, clock, stateDirectory } = this.#options;
    this.#damage = null;
    let from = this.#directory;
    try {
      const name = await setAside(stateDirectory.path, from, new Date(clock()).toISOString());
      this.#setAside.push(name);
      from = join(stateDirectory.path, name);
    } catch (error) {
      log.error({ err: error }, 'the damaged outbox could not be put aside');
    }
    const kept = await salvage(from);
    log.error({ err: damage, from, kept: kept.events.length }, 'the outbox is damaged; began a new journal');
    const [firstInMemory] = this.#queue.first({ maxEvents: 1, maxBytes: 0 });
    const older = kept.events.filter(({ position }) => position < (firstInMemory?.position ?? Infinity));
    this.#acknowledged = Math.max(this.#acknowledged, kept.acknowledged);
    this.#queue.prepend(older.filter(({ position }) => position > this.#acknowledged).map(encodeEvent));
    this.#next = Math.max(this.#next, kept.next);
    this.#dropped = 0; // what is counted is what this journal dropped
    this.#disk = new OutboxDisk(this.#directory, this.#segmentLimit, [], null);
    this.#journal = newJournal();
    this.#isHeadStale = true;
  }

  #countDropped(count: number): void {
    if (count === 0) return;
    if (!this.#isFull) this.#options.log.error({}, 'the outbox is full; dropping its oldest events');
    this.#isFull = true;
    this.#dropped += count;
    this.#isHeadStale = true;
  }

  #failed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#failure !== reason) this.#options.log.error({ err: error }, 'the outbox cannot be written');
    this.#failure = reason;
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      void this.settled();
    }, this.#options.retryMs ?? defaultRetryMs);
  }
}

function newJournal(): string {
  return randomBytes(16).toString('hex');
}
