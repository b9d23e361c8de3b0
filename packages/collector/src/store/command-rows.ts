/** Commands that wait for a node's agent. */
import type { Database } from 'better-sqlite3';
import type { Command } from '@holdfast/shared/wire';

/** Further ones are left out: what waits asks for the same already. */
export const maxWaitingCommands = 16;

export function commandRows(db: Database) {
  const sql = {
    list: db.prepare<[number], Command>('SELECT id, kind FROM command WHERE node = ? ORDER BY id'),
    add: db.prepare<{ node: number; kind: string; limit: number }>(
      `INSERT INTO command (node, kind)
       SELECT @node, @kind WHERE (SELECT count(*) FROM command WHERE node = @node) < @limit`,
    ),
    done: db.prepare<[number, number]>('DELETE FROM command WHERE node = ? AND id = ?'),
  };
  return {
    list: (node: number): Command[] => sql.list.all(node),
    /** Takes `done` off and puts `asked` on; returns what waits then. `waiting` is what waited before. */
    apply(
      node: number,
      waiting: readonly Command[],
      done: readonly number[],
      asked: readonly Command['kind'][],
    ): readonly Command[] {
      const ids = new Set(waiting.map(({ id }) => id));
      const finished = done.filter((id) => ids.has(id));
      if (finished.length + asked.length === 0) return waiting;
      for (const id of finished) sql.done.run(node, id);
      for (const kind of asked) sql.add.run({ node, kind, limit: maxWaitingCommands });
      return sql.list.all(node);
    },
  };
}
