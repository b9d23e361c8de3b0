/**
 * What is new about the nodes since people were last told: drift, silence, speech again, recovery. It follows from what was
 * told and what is, so nothing is queued: whatever could not be told is part of the next message, or is over.
 *
 * 1. Nothing is told while more comes in: only after {@link quietMs} without, or {@link longestWaitMs} after the first.
 * 2. The changes that stand on the same nodes are one item, so that an upgrade of the fleet is one message.
 * 3. A node that has not reported since the collector started neither fell silent nor spoke: what was told of it stays.
 * 4. A node that was deleted is no recovery, and no speech either.
 */
import type { FleetRow, RowChange } from '#core/fleet-rows';

/** An upgrade touches files for about so long without a pause. */
export const quietMs = 30_000;
export const longestWaitMs = 300_000;

/** What people know. */
export interface Told {
  /** Drift up to this mark. */
  readonly mark: number;
  /** Nodes that they were told of, and that were not said to have recovered or to speak again. */
  readonly drifting: readonly string[];
  readonly silent: readonly string[];
}

/** The nodes that are not deleted. */
export interface FleetSight {
  readonly mark: number;
  readonly drifting: ReadonlySet<string>;
  readonly silent: ReadonlySet<string>;
  /** Not silent, and heard since the collector started. */
  readonly speaking: ReadonlySet<string>;
  readonly live: ReadonlySet<string>;
}

/** Names, each list sorted. */
export interface NodeNews {
  readonly silent: readonly string[];
  readonly speakAgain: readonly string[];
  readonly recovered: readonly string[];
}

export function nodeNews(told: Told, sight: FleetSight): NodeNews {
  const known = new Set(told.silent);
  return {
    silent: [...sight.silent].filter((node) => !known.has(node)).sort(),
    speakAgain: told.silent.filter((node) => sight.speaking.has(node)).sort(),
    recovered: told.drifting.filter((node) => sight.live.has(node) && !sight.drifting.has(node)).sort(),
  };
}

/** What people know once they were told all of `sight`; `newlyDrifting`: nodes whose new drift was told. */
export function toldAfter(told: Told, sight: FleetSight, newlyDrifting: ReadonlySet<string>): Told {
  const drifting = new Set([...told.drifting, ...newlyDrifting]);
  const silent = new Set([...told.silent.filter((node) => !sight.speaking.has(node)), ...sight.silent]);
  return {
    mark: sight.mark,
    drifting: [...drifting].filter((node) => sight.live.has(node) && sight.drifting.has(node)).sort(),
    silent: [...silent].filter((node) => sight.live.has(node)).sort(),
  };
}

/** A row of the fleet's drift, as far as it is new. */
export interface NewsRow {
  readonly row: FleetRow;
  /** Those of the row's changes that are new on some node. */
  readonly changes: readonly RowChange[];
  /** On so many of the row's nodes. */
  readonly newOn: number;
}

/** In the order of `rows`. `changes`: on how many nodes each fingerprint is new. */
export function newsRows(rows: readonly FleetRow[], changes: ReadonlyMap<string, number>): NewsRow[] {
  const news: NewsRow[] = [];
  for (const row of rows) {
    const fresh = row.changes.filter(({ fingerprint }) => changes.has(fingerprint));
    let newOn = 0;
    for (const { fingerprint } of fresh) newOn = Math.max(newOn, changes.get(fingerprint)!);
    if (fresh.length > 0) news.push({ row, changes: fresh, newOn });
  }
  return news;
}

/** Since when there has been something to tell, and when the last of it came in; by a clock that never jumps. */
export interface Pace {
  readonly key: string;
  readonly since: number;
  readonly movedAt: number;
}

/** Null while there is nothing to tell. */
export function paceOf(before: Pace | null, told: Told, sight: FleetSight, now: number): Pace | null {
  const { silent, speakAgain, recovered } = nodeNews(told, sight);
  const isQuiet = sight.mark === told.mark && silent.length + speakAgain.length + recovered.length === 0;
  if (isQuiet) return null;
  const key = [sight.mark, silent.length, speakAgain.length, recovered.length].join();
  if (before === null) return { key, since: now, movedAt: now };
  return before.key === key ? before : { ...before, key, movedAt: now };
}

export interface PaceLimits {
  readonly quietMs: number;
  readonly longestWaitMs: number;
}

export function isDue({ since, movedAt }: Pace, now: number, limits: PaceLimits): boolean {
  return now - movedAt >= limits.quietMs || now - since >= limits.longestWaitMs;
}
