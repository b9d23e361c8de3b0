/** Events of nodes. They only grow, until retention removes the oldest. */
import type { Database } from 'better-sqlite3';
import type { EventRecord, Millis } from '#core/node-state';
import { attributesOf, entryOf, lineOf } from '#store/drift-change-rows';
import type { StoredEvent } from '#store/store';

export interface EventRow {
  readonly id: number;
  readonly kind: EventRecord['kind'];
  readonly at: number;
  readonly agent_at: string | null;
  readonly path: string | null;
  readonly change: EventRecord['change'];
  readonly attributes: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly net: EventRecord['net'];
  readonly detail: string | null;
}

export function historyRows(db: Database) {
  const sql = {
    addEvent: db.prepare(
      `INSERT INTO event (node, kind, at, agent_at, path, change, attributes, before, after, net, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    events: db.prepare<[number, number, number], EventRow>(
      'SELECT * FROM event WHERE node = ? AND id > ? ORDER BY id LIMIT ?',
    ),
    lastEvents: db.prepare<[number, number], EventRow>(
      'SELECT * FROM event WHERE node = ? ORDER BY id DESC LIMIT ?',
    ),
    newest: db.prepare<[number], { kind: string; path: string | null; at: number }>(
      'SELECT kind, path, at FROM event WHERE node = ? ORDER BY id DESC',
    ),
    dropEvents: db.prepare<[number, number]>(
      'DELETE FROM event WHERE at < ? AND id IN (SELECT id FROM event ORDER BY id LIMIT ?)',
    ),
  };
  return {
    addEvent(node: number, event: EventRecord): void {
      const { kind, at, agentAt, path, change, attributes, before, after, net, detail } = event;
      sql.addEvent.run(
        node,
        kind,
        at,
        agentAt,
        path,
        change,
        attributes.join(','),
        lineOf(before),
        lineOf(after),
        net,
        detail,
      );
    },
    events: (node: number, after: number, limit: number): StoredEvent[] =>
      sql.events.all(node, after, limit).map(toEvent),
    lastEvents: (node: number, limit: number): StoredEvent[] =>
      sql.lastEvents.all(node, limit).reverse().map(toEvent),
    /** Events are numbered as they come: the newest are read, and no more of them than are asked for. */
    pathsSince(node: number, since: Millis): Set<string> {
      const paths = new Set<string>();
      for (const { kind, path, at } of sql.newest.iterate(node)) {
        if (at < since) break;
        if (kind === 'change' && path !== null) paths.add(path);
      }
      return paths;
    },
    /** Looks at the `slice` oldest events and drops those from before `before`; returns how many. */
    dropEvents: (before: Millis, slice: number): number => sql.dropEvents.run(before, slice).changes,
  };
}

export function toEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    kind: row.kind,
    at: row.at,
    agentAt: row.agent_at,
    path: row.path,
    change: row.change,
    attributes: attributesOf(row.attributes),
    before: entryOf(row.before),
    after: entryOf(row.after),
    net: row.net,
    detail: row.detail,
  };
}
