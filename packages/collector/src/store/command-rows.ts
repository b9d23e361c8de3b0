/** Commands that wait for a node's agent. */
import type { Database } from 'better-sqlite3';
import type { Command } from '@holdfast/shared/wire';

/** Further ones are left out: what waits asks for the same already. */
export const maxWaitingCommands = 16;

export type CommandRows = ReturnType<typeof commandRows>;

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
    add: (node: number, kind: Command['kind']): void =>
      void sql.add.run({ node, kind, limit: maxWaitingCommands }),
    done: (node: number, id: number): void => void sql.done.run(node, id),
  };
}
