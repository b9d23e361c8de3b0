/** The outbox on disk: a directory of segments, the newest of which grows. Nothing here decides what is kept. */
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '#io/atomic-file';
import {
  type EncodedEvent,
  encodeBatch,
  encodeHead,
  type ParsedSegment,
  parseSegment,
  type SegmentHead,
} from '#core/outbox-segment';

/** One segment file. Its positions have no gap. */
export interface Segment {
  readonly path: string;
  /** Position of its first event, or of the one that will be. */
  readonly first: number;
  /** Position of its last event; `first - 1` if it has none. */
  last: number;
  /** Length in bytes of what was synced. */
  bytes: number;
}

export interface LoadedSegments {
  /** Oldest first. */
  readonly segments: Segment[];
  /** Of the newest segment, brought up to its last batch; null if there is no segment. */
  readonly head: SegmentHead | null;
  /** Bytes that a crash left half written and that were cut off. */
  readonly cutBytes: number;
}

/** The journal does not check out, in a way that a crash cannot have caused. */
export class DamagedOutboxError extends Error {
  readonly code = 'damaged-outbox';
  constructor(message: string) {
    super(message);
    this.name = 'DamagedOutboxError';
  }
}

const segmentName = /^\d{16}\.segment$/;

export function segmentPath(directory: string, first: number): string {
  return join(directory, `${String(first).padStart(16, '0')}.segment`);
}

/** Beside the outbox: that there was one. Without it, one that someone removed would be taken for one that never was. */
function begunMark(directory: string): string {
  return `${directory}.begun`;
}

/** Rejects with {@link DamagedOutboxError} or the system's error. A directory that never was is an empty one. */
export async function loadSegments(directory: string): Promise<LoadedSegments> {
  const names = await segmentNames(directory);
  if (names.length === 0 && existsSync(begunMark(directory))) {
    throw new DamagedOutboxError(`all of ${directory} is gone`);
  }
  await removeTemporaries(directory);
  const segments: Segment[] = [];
  let head: SegmentHead | null = null;
  let cutBytes = 0;
  for (const name of names) {
    const path = join(directory, name);
    const file = await readSegmentFile(path);
    const parsed = parseSegment(file);
    if (parsed.state === 'torn' && name === names.at(-1)) {
      await cutOff(path, parsed.soundBytes);
      cutBytes = file.length - parsed.soundBytes;
    } else if (parsed.state !== 'whole') {
      throw new DamagedOutboxError(`${name} is damaged at byte ${parsed.soundBytes}`);
    }
    head = latestHead(parsed);
    const first = Number(name.slice(0, 16));
    const last = lastPosition(parsed) ?? first - 1;
    segments.push({ path, first, last, bytes: parsed.soundBytes });
  }
  return { segments, head, cutBytes };
}

async function readSegmentFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    throw new DamagedOutboxError(`${path} is a directory`);
  }
}

/** The head as it would be written after the last batch. */
export function latestHead(parsed: ParsedSegment): SegmentHead | null {
  const { head } = parsed;
  const newest = parsed.batches.at(-1);
  if (!head || !newest) return head;
  const { acknowledged, dropped } = newest;
  const next = Math.max(head.next, acknowledged + 1, (lastPosition(parsed) ?? 0) + 1);
  return { ...head, acknowledged, dropped, next };
}

function lastPosition({ batches }: ParsedSegment): number | null {
  return batches.findLast((batch) => batch.events.length > 0)?.events.at(-1)?.position ?? null;
}

/** Makes a segment with its first batch in it. When the promise resolves, both survive a power cut. */
export async function createSegment(
  directory: string,
  head: SegmentHead,
  events: readonly EncodedEvent[],
): Promise<Segment> {
  const first = events[0]?.position ?? head.next;
  const path = segmentPath(directory, first);
  const text = encodeHead(head) + encodeBatch(head.acknowledged, head.dropped, events);
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (made) await syncDirectory(dirname(made));
  await writeFileAtomically(path, text, { mode: 0o600, when: 'replace' });
  if (!existsSync(begunMark(directory))) {
    await writeFileAtomically(begunMark(directory), '', { mode: 0o600, when: 'replace' });
  }
  return { path, first, last: events.at(-1)?.position ?? first - 1, bytes: Buffer.byteLength(text) };
}

/**
 * Appends one batch and syncs it; what a write that failed before has left behind is overwritten. Rejects with
 * {@link DamagedOutboxError} if the segment is gone, else with the system's error.
 */
export async function extendSegment(
  segment: Segment,
  acknowledged: number,
  dropped: number,
  events: readonly EncodedEvent[],
): Promise<void> {
  const bytes = Buffer.from(encodeBatch(acknowledged, dropped, events));
  await using file = await openSegment(segment);
  await file.truncate(segment.bytes);
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, segment.bytes + done);
    done += bytesWritten;
  }
  await file.datasync();
  segment.bytes += bytes.length;
  segment.last = events.at(-1)?.position ?? segment.last;
}

/** Rejects with {@link DamagedOutboxError} if what was synced no longer checks out. */
export async function readSegment(segment: Segment): Promise<ParsedSegment> {
  const { bytes } = segment; // it may grow while it is read
  await using opened = await openSegment(segment);
  const file = await opened.readFile();
  const parsed = parseSegment(file.subarray(0, bytes));
  if (file.length < bytes || parsed.state !== 'whole') {
    throw new DamagedOutboxError(`${segment.path} no longer checks out from byte ${parsed.soundBytes}`);
  }
  return parsed;
}

/** Oldest first; none if the directory is missing. */
export async function segmentNames(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => segmentName.test(name)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function openSegment({ path }: Segment): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (isMissing(error)) throw new DamagedOutboxError(`${path} is gone`);
    throw error;
  }
}

/** What a crash left of files that were to be moved into place. */
async function removeTemporaries(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (name.endsWith('.tmp')) await rm(join(directory, name), { force: true });
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function cutOff(path: string, bytes: number): Promise<void> {
  await using file = await open(path, 'r+');
  await file.truncate(bytes);
  await file.datasync();
}
