/** Windows in which changes are expected. */
import type { Database } from 'better-sqlite3';
import { bucketOf } from '@holdfast/shared/manifest';
import { type ChangeWindow, type NewWindow, nodeMatcher } from '#core/change-window';
import type { ExpectedChanges } from '#core/expected-change';
import type { Millis } from '#core/node-state';

interface WindowRow {
  readonly id: number;
  readonly nodes: string;
  readonly paths: string;
  readonly until: number;
  readonly reason: string;
  readonly accept: number;
  readonly opened_at: number;
  readonly opened_by: string;
  readonly closed_at: number | null;
  readonly closed_by: string | null;
}

export function windowRows(db: Database) {
  const sql = prepare(db);
  /** Compiled once: what a window is about never changes. */
  const matchers = new Map<number, (name: string) => boolean>();
  const isOver = (window: ChangeWindow, node: string) => {
    const matches = matchers.get(window.id) ?? nodeMatcher(window);
    matchers.set(window.id, matches);
    return matches(node);
  };
  return {
    /** Oldest first. */
    open: (now: Millis): ChangeWindow[] => sql.open.all(now).map(toWindow),
    openOver: (node: string, now: Millis): ChangeWindow[] =>
      sql.open
        .all(now)
        .map(toWindow)
        .filter((window) => isOver(window, node)),
    isUsed: (window: number, node: number, path: string): boolean =>
      sql.isUsed.get(window, node, path) !== undefined,
    get(id: number): ChangeWindow | null {
      const row = sql.get.get(id);
      return row ? toWindow(row) : null;
    },
    /** Newest first. */
    list: (before: number, limit: number): ChangeWindow[] => sql.list.all(before, limit).map(toWindow),
    add({ nodes, paths, until, reason, accept, openedAt, openedBy }: NewWindow): number {
      const [nodeGlobs, pathGlobs] = [JSON.stringify(nodes), JSON.stringify(paths)];
      const added = sql.add.run(nodeGlobs, pathGlobs, until, reason, accept ? 1 : 0, openedAt, openedBy);
      return Number(added.lastInsertRowid);
    },
    close(id: number, at: Millis, by: string): void {
      sql.close.run(at, by, id);
      matchers.delete(id);
    },
    apply(node: number, { used, marked }: ExpectedChanges): void {
      for (const { window, path } of used) sql.use.run(window, node, path);
      for (const { window, path } of marked) sql.mark.run(window, node, bucketOf(path), path);
    },
    /** Removes what windows have seen that are over, then such windows from before `before`; `limit` rows at most. */
    drop(before: Millis, limit: number): number {
      return sql.dropUses.run(before, limit).changes || sql.drop.run(before, limit).changes;
    },
  };
}

function prepare(db: Database) {
  const over = 'coalesce(closed_at, until) < ?';
  return {
    open: db.prepare<[number], WindowRow>(
      'SELECT * FROM change_window WHERE closed_at IS NULL AND until > ? ORDER BY id',
    ),
    isUsed: db.prepare<[number, number, string]>(
      'SELECT 1 FROM window_use WHERE window = ? AND node = ? AND path = ?',
    ),
    get: db.prepare<[number], WindowRow>('SELECT * FROM change_window WHERE id = ?'),
    list: db.prepare<[number, number], WindowRow>(
      'SELECT * FROM change_window WHERE id < ? ORDER BY id DESC LIMIT ?',
    ),
    add: db.prepare(
      `INSERT INTO change_window (nodes, paths, until, reason, accept, opened_at, opened_by)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    close: db.prepare(
      'UPDATE change_window SET closed_at = ?, closed_by = ? WHERE id = ? AND closed_at IS NULL',
    ),
    use: db.prepare('INSERT INTO window_use (window, node, path) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    mark: db.prepare(
      'UPDATE drift SET expected = ? WHERE node = ? AND bucket = ? AND path = ? AND ended_at IS NULL',
    ),
    dropUses: db.prepare(
      `DELETE FROM window_use WHERE (window, node, path) IN (
         SELECT window, node, path FROM window_use JOIN change_window ON change_window.id = window WHERE ${over} LIMIT ?)`,
    ),
    drop: db.prepare(
      `DELETE FROM change_window WHERE id IN (SELECT id FROM change_window WHERE ${over} LIMIT ?)`,
    ),
  };
}

function toWindow(row: WindowRow): ChangeWindow {
  return {
    id: row.id,
    nodes: JSON.parse(row.nodes) as string[],
    paths: JSON.parse(row.paths) as string[],
    until: row.until,
    reason: row.reason,
    accept: row.accept === 1,
    openedAt: row.opened_at,
    openedBy: row.opened_by,
    closedAt: row.closed_at,
    closedBy: row.closed_by,
  };
}
