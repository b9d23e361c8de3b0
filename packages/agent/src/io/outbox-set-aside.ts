/** Damaged journals: kept for a person to look at, a few of them, and read for what in them still checks out. */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObservedEvent } from '@holdfast/shared/wire';
import { parseSegment } from '#core/outbox-segment';
import { segmentNames } from '#io/outbox-files';

/** More than these are removed, the oldest first: each may be as large as the outbox. */
export const maxSetAside = 3;

const prefix = 'outbox.damaged-';

/** Moves the journal out of the way. `at` (RFC 3339) becomes part of its new name, which is returned. */
export async function setAside(stateDirectory: string, directory: string, at: string): Promise<string> {
  const name = `${prefix}${at.replaceAll(/[:.]/g, '-')}`;
  await mkdir(directory, { recursive: true, mode: 0o700 }); // all of it may be gone; that must show, too
  await rename(directory, join(stateDirectory, name));
  const surplus = (await listSetAside(stateDirectory)).slice(0, -maxSetAside);
  for (const old of surplus) await rm(join(stateDirectory, old), { recursive: true, force: true });
  return name;
}

/** Names within the state directory, oldest first. */
export async function listSetAside(stateDirectory: string): Promise<string[]> {
  const names = await readdir(stateDirectory);
  return names.filter((name) => name.startsWith(prefix)).sort();
}

export interface Salvage {
  /** In order of position, those that were not acknowledged. */
  readonly events: readonly ObservedEvent[];
  readonly next: number;
  readonly acknowledged: number;
}

function emptyForDirectory(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'EISDIR') return Buffer.alloc(0);
  throw error;
}

/** Everything in a journal that still checks out. */
export async function salvage(directory: string): Promise<Salvage> {
  const events = new Map<number, ObservedEvent>();
  let next = 1;
  let acknowledged = 0;
  for (const name of await segmentNames(directory)) {
    const file = await readFile(join(directory, name)).catch(emptyForDirectory);
    const { head, batches } = parseSegment(file);
    next = Math.max(next, head?.next ?? 1);
    for (const record of head ? [head, ...batches] : batches) {
      acknowledged = Math.max(acknowledged, record.acknowledged);
    }
    for (const event of batches.flatMap((batch) => batch.events)) events.set(event.position, event);
  }
  const waiting = [...events.values()].filter((event) => event.position > acknowledged);
  waiting.sort((a, b) => a.position - b.position);
  next = Math.max(next, acknowledged + 1, (waiting.at(-1)?.position ?? 0) + 1);
  return { events: waiting, next, acknowledged };
}
