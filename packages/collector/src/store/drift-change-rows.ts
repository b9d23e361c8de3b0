/** What drifts are: a change is kept once, on however many nodes it stands or has stood. */
import type { Database } from 'better-sqlite3';
import type { AideFinding } from '@holdfast/shared/aide-compare';
import { type Attribute, type Entry, entryLine, parseEntryLine } from '@holdfast/shared/entry';
import { fingerprintOfLines } from '#core/drift-fingerprint';
import type { DriftContent } from '#core/node-state';

export interface DriftChangeRow {
  /** Null: the store lacks it, which is a defect. */
  readonly attributes: string | null;
  readonly before: string | null;
  readonly after: string | null;
  readonly aide: string | null;
}

const lacking = 'the store lacks what a drift is';

/** Joins what a row of `drift` is. Outer, so that what is lacking is an error and not a drift less. */
export const withChange = 'LEFT JOIN drift_change ON drift_change.fingerprint = drift.fingerprint';

/** Whether a change, named by its fingerprint, stands on a row of `node`. */
export const standsOnNode = `EXISTS (SELECT 1 FROM drift INDEXED BY drift_of_node
  WHERE drift.node = node.id AND fingerprint = ? AND ended_at IS NULL)`;

export type DriftChangeRows = ReturnType<typeof driftChangeRows>;

export function driftChangeRows(db: Database) {
  const sql = {
    // Another release may name other attributes of the same two sides: the newest word counts.
    keep: db.prepare(
      `INSERT INTO drift_change (fingerprint, drifts, attributes, before, after, aide) VALUES (?, 1, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET drifts = drifts + 1, attributes = excluded.attributes`,
    ),
    release: db.prepare<[Buffer]>('UPDATE drift_change SET drifts = drifts - 1 WHERE fingerprint = ?'),
    drop: db.prepare<[Buffer]>('DELETE FROM drift_change WHERE fingerprint = ? AND drifts = 0'),
  };
  return {
    /** For one more row of `drift`. Returns by what that names it. */
    keep(drift: DriftContent): Buffer {
      const aide = drift.aide && JSON.stringify(drift.aide);
      const before = lineOf(drift.before);
      const after = lineOf(drift.after);
      const fingerprint = Buffer.from(fingerprintOfLines(drift, before, after), 'hex');
      sql.keep.run(fingerprint, drift.attributes.join(','), before, after, aide);
      return fingerprint;
    },

    /** For each row of `drift` that named one of these until now. With the last one a change goes too. */
    release(fingerprints: Iterable<Buffer>): void {
      for (const fingerprint of fingerprints) {
        if (sql.release.run(fingerprint).changes === 0) throw new Error(lacking);
        sql.drop.run(fingerprint);
      }
    },
  };
}

export function readChange({ attributes, before, after, aide }: DriftChangeRow) {
  if (attributes === null) throw new Error(lacking);
  return {
    attributes: attributesOf(attributes),
    before: entryOf(before),
    after: entryOf(after),
    aide: aide === null ? null : (JSON.parse(aide) as AideFinding),
  };
}

export function attributesOf(joined: string): Attribute[] {
  return joined === '' ? [] : (joined.split(',') as Attribute[]);
}

export function lineOf(entry: Entry | null): string | null {
  return entry && entryLine(entry);
}

export function entryOf(line: string | null): Entry | null {
  return line === null ? null : parseEntryLine(line);
}
