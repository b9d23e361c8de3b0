/**
 * The text of one outbox segment: lines of `CHECKSUM JSON`, the first a head, each further one a batch of events that
 * was written and synced as one. Positions grow by one from line to line.
 *
 * How damage is told from a crash: a batch is written only after the one before it was synced, so a crash can spoil the
 * last line and no other. A spoilt line with a sound one after it, or a spoilt head, is damage.
 */
import { hash } from 'node:crypto';
import { ObservedEvent } from '@holdfast/shared/wire';
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';

const strict = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** What a segment starts from, so that older segments are not needed to know where the journal stands. */
export const SegmentHead = Type.Object(
  {
    format: Type.Literal(1),
    /** 32 lower-case hex digits. */
    journal: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    /** The position of the next event. */
    next: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    /** The collector holds every event up to this position. */
    acknowledged: Count,
    /** Events that were dropped, ever. */
    dropped: Count,
  },
  strict,
);
export type SegmentHead = Static<typeof SegmentHead>;

export const SegmentBatch = Type.Object(
  { acknowledged: Count, dropped: Count, events: Type.Array(ObservedEvent) },
  strict,
);
export type SegmentBatch = Static<typeof SegmentBatch>;

const headShape = shapeOf(SegmentHead);
const batchShape = shapeOf(SegmentBatch);

/** An event that is not yet on disk, with its text made once. */
export interface EncodedEvent {
  readonly position: number;
  readonly json: string;
}

export interface ParsedSegment {
  /** Null if it is spoilt. */
  readonly head: SegmentHead | null;
  /** Every sound batch, also those after a spoilt line. */
  readonly batches: readonly SegmentBatch[];
  /** Length in bytes of what comes before the first spoilt line. */
  readonly soundBytes: number;
  readonly state: 'whole' | 'torn' | 'damaged';
}

export function encodeHead(head: SegmentHead): string {
  return encodeLine(JSON.stringify(head));
}

export function encodeBatch(acknowledged: number, dropped: number, events: readonly EncodedEvent[]): string {
  const list = events.map((event) => event.json).join(',');
  return encodeLine(`{"acknowledged":${acknowledged},"dropped":${dropped},"events":[${list}]}`);
}

export function parseSegment(bytes: Uint8Array): ParsedSegment {
  const lines = linesOf(bytes);
  const [first, ...rest] = lines;
  const headValue = first ? decodeLine(first.bytes) : undefined;
  const head = headShape.check(headValue) ? headValue : null;

  const batches: SegmentBatch[] = [];
  let spoiltAt: number | null = head ? null : 0;
  let soundAfterSpoilt = false;
  for (const line of rest) {
    const value = decodeLine(line.bytes);
    if (batchShape.check(value)) {
      batches.push(value);
      soundAfterSpoilt = spoiltAt !== null;
    } else {
      spoiltAt ??= line.start;
    }
  }
  const soundBytes = spoiltAt ?? bytes.length;
  const state = spoiltAt === null ? 'whole' : head && !soundAfterSpoilt ? 'torn' : 'damaged';
  return { head, batches, soundBytes, state };
}

interface Line {
  readonly start: number;
  /** Without its newline; null if there is none, because the text is cut off. */
  readonly bytes: Uint8Array | null;
}

function linesOf(bytes: Uint8Array): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    lines.push({ start, bytes: end < 0 ? null : bytes.subarray(start, end) });
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}

const checksumLength = 16;

function encodeLine(json: string): string {
  return `${checksum(json)} ${json}\n`;
}

/** The value, or undefined if the line is spoilt. */
function decodeLine(line: Uint8Array | null): unknown {
  if (!line || line.length <= checksumLength) return undefined;
  const json = line.subarray(checksumLength + 1);
  const stated = Buffer.from(line.subarray(0, checksumLength + 1)).toString('latin1');
  if (stated !== `${checksum(json)} `) return undefined;
  return JSON.parse(Buffer.from(json).toString('utf8'));
}

function checksum(data: string | Uint8Array): string {
  return hash('sha256', data).slice(0, checksumLength);
}
