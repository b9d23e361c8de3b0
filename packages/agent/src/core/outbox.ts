/** What the outbox offers to the reporter. How it keeps its promises: io/outbox.ts. */
import type { ObservedEvent } from '@holdfast/shared/wire';
import type { QueueLimit } from '#core/event-queue';
import type { ObservedChange } from '#core/observation';

export interface OutboxBatch {
  readonly journal: string;
  /** In order of position. */
  readonly events: readonly ObservedEvent[];
}

export interface Outbox {
  /** 32 lower-case hex digits. */
  readonly journal: string;
  /** Events that are not acknowledged. */
  readonly waiting: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Events dropped for want of room since the journal began, over all restarts. */
  readonly dropped: number;
  /** Null: it works. Else one sentence on why events may be lost. */
  readonly degraded: string | null;
  /** Takes changes in; they are written in the background, see {@link settled}. Never throws. */
  append(changes: readonly ObservedChange[]): void;
  /** Resolves when everything appended so far is synced (true), or the disk has refused it (false). */
  settled(): Promise<boolean>;
  /** The oldest events that may be reported: at most `maxEvents`, and about `maxBytes`. May be none. */
  read(limit: QueueLimit): Promise<OutboxBatch>;
  /** The collector holds all events of `journal` up to position `stored`. */
  acknowledge(journal: string, stored: number): void;
}

const maxTroubleLength = 1000;

/** Why events may be lost, in one sentence; null if nothing is wrong. `droppedWhileFull` is null if the outbox is not full. */
export function outboxTrouble(
  failure: string | null,
  droppedWhileFull: number | null,
  setAside: readonly string[],
): string | null {
  const reasons: string[] = [];
  if (failure) reasons.push(`the outbox cannot be written, and events are kept in memory: ${failure}`);
  if (droppedWhileFull !== null) {
    reasons.push(`the outbox is full; ${droppedWhileFull} events were dropped so far`);
  }
  if (setAside.length > 0) {
    reasons.push(`the outbox was damaged and put aside as ${setAside.join(', ')}; look, then remove`);
  }
  return reasons.length === 0 ? null : reasons.join('; ').slice(0, maxTroubleLength);
}
