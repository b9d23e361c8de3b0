/** AIDE's state on each node, and its earlier baselines. */
import { zstdCompressSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import type { AideDatabaseRecord, AideEffects, AideState, MadeDatabase } from '#core/aide-state';
import type { AideDatabaseRows } from '#store/aide/database-rows';
import type { AideListRows } from '#store/aide/list-rows';

/** A restore brings AIDE's old rows back as far as these reach; older ones leave AIDE's baseline as it is. */
export const maxAideBaselinesPerNode = 10;

/** The number of the node's baseline; null if it has none. */
export interface BaselineMoved {
  readonly before: number | null;
  readonly after: number | null;
}

export type AideNodeRows = ReturnType<typeof aideNodeRows>;

export function aideNodeRows(db: Database, databases: AideDatabaseRows, lists: AideListRows) {
  const sql = prepare(db);

  const idOf = (record: AideDatabaseRecord | null): number | null => {
    if (!record) return null;
    const id = databases.idOf(record.digest);
    if (id === undefined) throw new Error(`the store lacks AIDE's database ${record.digest}`);
    return id;
  };

  const addMade = ({ digest, entries, text }: MadeDatabase): void => {
    databases.add({ digest, entries, bytes: text.length, packed: zstdCompressSync(text) });
  };

  /** Keeps `state`'s baseline with the node's; returns the databases of those that it forgets. */
  const remember = (node: number, sequence: number, { baseline }: AideState): readonly number[] => {
    if (!baseline) return [];
    sql.remember.run(node, sequence, idOf(baseline), JSON.stringify(baseline));
    return sql.forgetOld.all({ node, kept: maxAideBaselinesPerNode });
  };

  return {
    state(node: number): AideState | null {
      const text = sql.state.get(node);
      return text === undefined ? null : (JSON.parse(text) as AideState);
    },

    /** AIDE's baseline as it was when the node's baseline `sequence` was succeeded. */
    baselineOf(node: number, sequence: number): AideDatabaseRecord | null {
      const text = sql.baselineOf.get(node, sequence);
      return text === undefined ? null : (JSON.parse(text) as AideDatabaseRecord);
    },

    apply(
      node: number,
      [before, after]: readonly [AideState | null, AideState | null],
      effects: AideEffects | null,
      sequence: BaselineMoved,
    ): void {
      if (!after) return;
      if (effects) lists.replace(node, effects);
      if (effects?.made) addMade(effects.made);
      const isSucceeded = sequence.before !== sequence.after;
      if (before === after && !isSucceeded) return;
      const referred = sql.referred.all({ node });
      const { baseline, newest, offered } = after;
      const ids = { baseline: idOf(baseline), newest: idOf(newest), offered: idOf(offered) };
      sql.write.run({ node, ...ids, state: JSON.stringify(after) });
      const isMoved = isSucceeded || before?.baseline?.digest !== baseline?.digest;
      const forgotten = isMoved && sequence.after !== null ? remember(node, sequence.after, after) : [];
      const brought = before?.run?.id === after.run?.id ? [] : databases.forgetUploads(node);
      for (const id of new Set([...referred, ...forgotten, ...brought])) databases.dropUnused(id);
    },
  };
}

function prepare(db: Database) {
  return {
    state: db.prepare<[number], string>('SELECT state FROM aide_node WHERE node = ?').pluck(),
    write: db.prepare(
      `INSERT INTO aide_node (node, baseline, newest, offered, state)
       VALUES (@node, @baseline, @newest, @offered, @state)
       ON CONFLICT DO UPDATE SET baseline = excluded.baseline, newest = excluded.newest,
         offered = excluded.offered, state = excluded.state`,
    ),
    referred: db
      .prepare<{ node: number }, number>(
        `SELECT baseline FROM aide_node WHERE node = @node AND baseline IS NOT NULL
         UNION SELECT newest FROM aide_node WHERE node = @node AND newest IS NOT NULL
         UNION SELECT offered FROM aide_node WHERE node = @node AND offered IS NOT NULL
         UNION SELECT database FROM aide_baseline WHERE node = @node`,
      )
      .pluck(),
    remember: db.prepare(
      `INSERT INTO aide_baseline (node, sequence, database, record) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET database = excluded.database, record = excluded.record`,
    ),
    forgetOld: db
      .prepare<{ node: number; kept: number }, number>(
        `DELETE FROM aide_baseline WHERE node = @node AND sequence NOT IN
           (SELECT sequence FROM aide_baseline WHERE node = @node ORDER BY sequence DESC LIMIT @kept)
         RETURNING database`,
      )
      .pluck(),
    baselineOf: db
      .prepare<[number, number], string>('SELECT record FROM aide_baseline WHERE node = ? AND sequence = ?')
      .pluck(),
  };
}
