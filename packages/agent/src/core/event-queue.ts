/** Events that are not on disk yet, oldest first. */
import type { ObservedEvent } from '@holdfast/shared/wire';
import type { EncodedEvent } from '#core/outbox-segment';

export interface QueueLimit {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export function encodeEvent(event: ObservedEvent): EncodedEvent {
  return { position: event.position, json: JSON.stringify(event) };
}

export class EventQueue {
  #events: EncodedEvent[] = [];
  /** What lies before it is gone; moved up in steps, so that taking from the front costs nothing. */
  #start = 0;
  #bytes = 0;

  get length(): number {
    return this.#events.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(event: EncodedEvent): void {
    this.#events.push(event);
    this.#bytes += event.json.length;
  }

  /** Puts older events before those that wait. */
  prepend(events: readonly EncodedEvent[]): void {
    this.#events = [...events, ...this.#events.slice(this.#start)];
    this.#start = 0;
    for (const event of events) this.#bytes += event.json.length;
  }

  /** The first events whose positions have no gap, up to `limit`, but one at least if there is one. */
  first(limit: QueueLimit): EncodedEvent[] {
    const taken: EncodedEvent[] = [];
    let bytes = 0;
    for (let i = this.#start; i < this.#events.length && taken.length < limit.maxEvents; i++) {
      const event = this.#events[i]!;
      bytes += event.json.length;
      const before = taken.at(-1);
      if (before && (bytes > limit.maxBytes || event.position !== before.position + 1)) break;
      taken.push(event);
    }
    return taken;
  }

  /** Removes the events up to and with `position`. */
  removeThrough(position: number): void {
    while (this.length > 0 && this.#events[this.#start]!.position <= position) this.#shift();
  }

  /** Removes the oldest events until the rest is within `limit`. Returns how many. */
  trim(limit: QueueLimit): number {
    let removed = 0;
    for (; this.length > 1 && (this.length > limit.maxEvents || this.#bytes > limit.maxBytes); removed++) {
      this.#shift();
    }
    return removed;
  }

  #shift(): void {
    this.#bytes -= this.#events[this.#start]!.json.length;
    this.#start += 1;
    if (this.#start < 1024 && this.length > 0) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }
}
