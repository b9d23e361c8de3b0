/** What a drift is, kept once for all nodes that have it: an upgrade of a thousand nodes is 800 changes, not 800,000. */
import type { Database } from 'better-sqlite3';
import type { ChangeKind } from '@holdfast/shared/compare';
import { fingerprintOfLines } from '#core/drift-fingerprint';

interface OldDrift {
  readonly id: number;
  readonly path: string;
  readonly change: ChangeKind;
  readonly before: string | null;
  readonly after: string | null;
  readonly aide: string | null;
}

export function addDriftChanges(db: Database): void {
  db.exec(`
    CREATE TABLE drift_change (
      fingerprint BLOB PRIMARY KEY, -- of a path and what is here; see core/drift-fingerprint.ts
      drifts INTEGER NOT NULL, -- rows of drift, standing and ended, that are this
      attributes TEXT NOT NULL,
      before TEXT,
      after TEXT,
      aide TEXT
    ) STRICT, WITHOUT ROWID;
  `);
  // Drift that had ended by then was not given a fingerprint.
  const page = db.prepare<[number], OldDrift>(
    'SELECT id, path, change, before, after, aide FROM drift WHERE fingerprint IS NULL AND id > ? ORDER BY id LIMIT 1000',
  );
  const set = db.prepare('UPDATE drift SET fingerprint = ? WHERE id = ?');
  for (let olds = page.all(0); olds.length > 0; olds = page.all(olds.at(-1)!.id)) {
    for (const { id, before, after, aide, ...old } of olds) {
      const found: unknown = aide === null ? null : JSON.parse(aide);
      set.run(Buffer.from(fingerprintOfLines({ ...old, aide: found }, before, after), 'hex'), id);
    }
  }
  db.exec(`
    INSERT INTO drift_change (fingerprint, drifts, attributes, before, after, aide)
      SELECT fingerprint, count(*), attributes, before, after, aide FROM drift GROUP BY fingerprint;
    ALTER TABLE drift DROP COLUMN attributes;
    ALTER TABLE drift DROP COLUMN before;
    ALTER TABLE drift DROP COLUMN after;
    ALTER TABLE drift DROP COLUMN aide;
  `);
}
