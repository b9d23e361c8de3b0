/** What is remembered of each stack from sweep to sweep. */
import type { Database } from 'better-sqlite3';
import type { StackState } from '#sweep/core/stack-state';

export function stackRows(db: Database) {
  const sql = {
    set: db.prepare(
      'INSERT INTO stack (name, state) VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state',
    ),
    drop: db.prepare('DELETE FROM stack WHERE name = ?'),
    all: db.prepare<[], string>('SELECT state FROM stack ORDER BY name').pluck(),
    one: db.prepare<[string], string>('SELECT state FROM stack WHERE name = ?').pluck(),
  };
  return {
    set: (state: StackState) => sql.set.run(state.stack, JSON.stringify(state)),
    drop: (name: string) => sql.drop.run(name),
    all: (): StackState[] => sql.all.all().map((text) => JSON.parse(text) as StackState),
    one(name: string): StackState | null {
      const text = sql.one.get(name);
      return text === undefined ? null : (JSON.parse(text) as StackState);
    },
  };
}
