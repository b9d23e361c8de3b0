/** Which drift is new since a mark: what the way out to people builds its messages on. In short steps, whatever is new. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Millis } from '#core/node-state';
import { reading } from '#store/storage-error';

const driftsPerTurn = 2000;

/** Standing drift that nobody has acknowledged and no window expected. */
export interface NewDrift {
  /** Names of the nodes that have some. */
  readonly nodes: ReadonlySet<string>;
  /** On how many nodes it is new, by fingerprint; see drift-fingerprint.ts. */
  readonly changes: ReadonlyMap<string, number>;
}

export interface DriftNewsStore {
  /** Grows with every write by which drift starts or changes its content, and never shrinks but by a restore. */
  newestMark(): Promise<number>;
  /** Of nodes that are not deleted: drift with a mark above `after`, up to `upTo`. */
  newDrift(after: number, upTo: number, now: Millis): Promise<NewDrift>;
}

export function driftNews(db: Database): DriftNewsStore {
  const sql = {
    newest: db.prepare<[], number>('SELECT newest FROM drift_mark').pluck(),
    page: db
      .prepare<
        { mark: number; id: number; upTo: number; limit: number },
        [mark: number, id: number, fingerprint: Buffer, node: string, until: number | null, isTold: number]
      >(
        `SELECT mark, drift.id, fingerprint, name, acknowledgement.until,
           expected IS NULL AND node.deleted_at IS NULL
         FROM drift INDEXED BY drift_news JOIN node ON node.id = drift.node
           LEFT JOIN acknowledgement ON acknowledgement.id = drift.acknowledgement
         WHERE ended_at IS NULL AND (mark > @mark OR (mark = @mark AND drift.id > @id)) AND mark >= @mark AND mark <= @upTo
         ORDER BY mark, drift.id LIMIT @limit`,
      )
      .raw(),
  };
  return {
    newestMark: async () => reading(() => sql.newest.get() ?? 0),
    async newDrift(after, upTo, now) {
      const nodes = new Set<string>();
      const changes = new Map<string, number>();
      for (let [mark, id] = [after + 1, 0]; ; ) {
        const page = reading(() => sql.page.all({ mark, id, upTo, limit: driftsPerTurn }));
        for (const [, , fingerprint, node, until, isTold] of page) {
          if (isTold !== 1 || (until !== null && now < until)) continue;
          nodes.add(node);
          const change = fingerprint.toString('hex');
          changes.set(change, (changes.get(change) ?? 0) + 1);
        }
        if (page.length < driftsPerTurn) return { nodes, changes };
        [mark, id] = page.at(-1)!;
        await nextTurn();
      }
    },
  };
}
