/**
 * What the ways out (Loki, webhook, …) need of the store: the events of all nodes in order, drift by what is new of it, and
 * how far each has told them.
 * The history is their queue: it is durable before an agent is answered, so an outage of the other side loses nothing and
 * holds up nothing, until retention takes what was not told.
 */
import type { Database } from 'better-sqlite3';
import { type DriftNewsStore, driftNews } from '#store/drift-news';
import type { GroupCommit } from '#store/group-commit';
import { type EventRow, toEvent } from '#store/history-rows';
import { reading } from '#store/storage-error';
import type { StoredEvent } from '#store/store';

export interface FleetEvent extends StoredEvent {
  readonly node: string;
}

export interface OutletProgress {
  /** Id of the last event that was told. */
  readonly told: number;
  /** What the outlet wrote last; null if nothing. */
  readonly memory: string | null;
}

export interface OutletStore extends DriftNewsStore {
  /** Null if the outlet has never told anything. */
  progress(outlet: string): Promise<OutletProgress | null>;
  setProgress(outlet: string, progress: OutletProgress): Promise<void>;
  /** Of all nodes, oldest first, those with an id above `after`. */
  eventsAfter(after: number, limit: number): Promise<FleetEvent[]>;
  /** Ids of the oldest and the newest event that there are; null if there is none. */
  eventRange(): Promise<{ readonly oldest: number; readonly newest: number } | null>;
}

export function outletStore(db: Database, commits: GroupCommit): OutletStore {
  const sql = {
    progress: db.prepare<[string], OutletProgress>('SELECT told, memory FROM outlet WHERE name = ?'),
    setProgress: db.prepare(
      `INSERT INTO outlet (name, told, memory) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET told = excluded.told, memory = excluded.memory`,
    ),
    eventsAfter: db.prepare<[number, number], EventRow & { name: string }>(
      `SELECT event.*, node.name FROM event JOIN node ON node.id = event.node
       WHERE event.id > ? ORDER BY event.id LIMIT ?`,
    ),
    range: db.prepare<[], { oldest: number | null; newest: number | null }>(
      'SELECT (SELECT min(id) FROM event) AS oldest, (SELECT max(id) FROM event) AS newest',
    ),
  };
  return {
    ...driftNews(db),
    progress: async (outlet) => reading(() => sql.progress.get(outlet) ?? null),
    setProgress: (outlet, { told, memory }) =>
      commits.run(() => void sql.setProgress.run(outlet, told, memory)),
    eventsAfter: async (after, limit) =>
      reading(() => sql.eventsAfter.all(after, limit).map((row) => ({ ...toEvent(row), node: row.name }))),
    async eventRange() {
      const range = reading(() => sql.range.get());
      if (!range || range.oldest === null || range.newest === null) return null;
      return { oldest: range.oldest, newest: range.newest };
    },
  };
}
