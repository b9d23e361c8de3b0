/** The journal's segments as one thing: where a batch goes, what can be removed, what is read next. */
import { rm } from 'node:fs/promises';
import type { ObservedEvent } from '@holdfast/shared/wire';
import type { QueueLimit } from '#core/event-queue';
import type { EncodedEvent, SegmentBatch, SegmentHead } from '#core/outbox-segment';
import { createSegment, extendSegment, readSegment, type Segment } from '#io/outbox-files';

export class OutboxDisk {
  readonly #directory: string;
  readonly #segmentLimit: QueueLimit;
  #segments: Segment[];
  #journal: string | null;

  constructor(directory: string, segmentLimit: QueueLimit, segments: Segment[], journal: string | null) {
    this.#directory = directory;
    this.#segmentLimit = segmentLimit;
    this.#segments = segments;
    this.#journal = journal;
  }

  /** The id that the newest segment names; null if there is none. */
  get journal(): string | null {
    return this.#journal;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Events after position `acknowledged`. */
  waiting(acknowledged: number): number {
    return this.#segments.reduce((sum, segment) => sum + held(segment, acknowledged), 0);
  }

  /** Writes and syncs one batch whose positions have no gap. Rejects with the system's error, and can be repeated. */
  async write(head: SegmentHead, events: readonly EncodedEvent[]): Promise<void> {
    const active = this.#segments.at(-1);
    if (active && head.journal === this.#journal && this.#hasRoom(active, events)) {
      await extendSegment(active, head.acknowledged, head.dropped, events);
      return;
    }
    const segment = await createSegment(this.#directory, head, events);
    this.#segments = [...this.#segments.filter(({ path }) => path !== segment.path), segment];
    this.#journal = head.journal;
  }

  #hasRoom(active: Segment, events: readonly EncodedEvent[]): boolean {
    const [first] = events;
    if (!first) return true;
    const count = active.last - active.first + 1;
    const isFull = active.bytes >= this.#segmentLimit.maxBytes || count >= this.#segmentLimit.maxEvents;
    return !isFull && first.position === active.last + 1;
  }

  /** Removes segments of which nothing is after position `acknowledged`; the newest stays. */
  async removeThrough(acknowledged: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[0]!.last <= acknowledged) await this.#removeOldest();
  }

  /** Removes the oldest segments until the rest is within `limit`; the newest stays. Returns how many events that cost. */
  async dropOldest(limit: QueueLimit, acknowledged: number): Promise<number> {
    let dropped = 0;
    while (this.#segments.length > 1 && this.#exceeds(limit, acknowledged)) {
      dropped += held(this.#segments[0]!, acknowledged);
      await this.#removeOldest();
    }
    return dropped;
  }

  /** The oldest events after position `acknowledged`. Rejects with DamagedOutboxError or the system's error. */
  async read(acknowledged: number, limit: QueueLimit): Promise<ObservedEvent[]> {
    const events: ObservedEvent[] = [];
    let bytes = 0;
    for (const segment of this.#segments) {
      if (segment.last <= acknowledged) continue;
      const batches = await this.#batchesOf(segment);
      const bytesPerEvent = segment.bytes / (segment.last - segment.first + 1);
      for (const batch of batches) {
        const wanted = batch.events.filter((event) => event.position > acknowledged);
        events.push(...wanted.slice(0, limit.maxEvents - events.length));
        bytes += wanted.length * bytesPerEvent;
        if (events.length >= limit.maxEvents || bytes >= limit.maxBytes) return events;
      }
    }
    return events;
  }

  async #batchesOf(segment: Segment): Promise<readonly SegmentBatch[]> {
    try {
      return (await readSegment(segment)).batches;
    } catch (error) {
      if (this.#segments.includes(segment)) throw error;
      return []; // it was dropped meanwhile
    }
  }

  #exceeds(limit: QueueLimit, acknowledged: number): boolean {
    return this.bytes > limit.maxBytes || this.waiting(acknowledged) > limit.maxEvents;
  }

  async #removeOldest(): Promise<void> {
    const [oldest, ...rest] = this.#segments;
    this.#segments = rest; // first, so that a read that runs knows why the file is gone
    if (oldest) await rm(oldest.path, { force: true });
  }
}

function held(segment: Segment, acknowledged: number): number {
  return Math.max(0, segment.last - Math.max(segment.first - 1, acknowledged));
}
