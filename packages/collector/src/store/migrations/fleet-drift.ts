/** Drift by what it is, whichever node it is on; and acceptances of it on many nodes. */
import type { Database } from 'better-sqlite3';
import { driftFingerprint } from '#core/drift-fingerprint';
import type { ChangeKind } from '@holdfast/shared/compare';
import { parseEntryLine } from '@holdfast/shared/entry';

export function addFleetDrift(db: Database): void {
  db.exec(`
    ALTER TABLE drift ADD COLUMN fingerprint BLOB;

    CREATE TABLE job (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      row TEXT NOT NULL,
      fingerprints BLOB NOT NULL, -- of 20 bytes each, sorted
      who TEXT NOT NULL,
      reason TEXT,
      created_at INTEGER NOT NULL,
      ended_at INTEGER
    ) STRICT;
    CREATE INDEX job_running ON job (id) WHERE ended_at IS NULL;

    CREATE TABLE job_node (
      job INTEGER NOT NULL REFERENCES job (id),
      node INTEGER NOT NULL REFERENCES node (id),
      outcome TEXT NOT NULL, -- pending, accepted or refused
      at INTEGER,
      accepted INTEGER,
      baseline INTEGER,
      code TEXT,
      detail TEXT,
      PRIMARY KEY (job, node)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_node_pending ON job_node (job, node) WHERE outcome = 'pending';
  `);
  const standing = db.prepare<
    [],
    {
      id: number;
      path: string;
      change: ChangeKind;
      before: string | null;
      after: string | null;
      aide: string | null;
    }
  >('SELECT id, path, change, before, after, aide FROM drift WHERE ended_at IS NULL');
  const entryOf = (line: string | null) => (line === null ? null : parseEntryLine(line));
  const set = db.prepare('UPDATE drift SET fingerprint = ? WHERE id = ?');
  for (const { id, path, change, before, after, aide } of standing.all()) {
    const drift = { path, change, attributes: [], before: entryOf(before), after: entryOf(after) };
    const seen = aide === null ? drift : { ...drift, aide: JSON.parse(aide) as unknown };
    set.run(Buffer.from(driftFingerprint(seen), 'hex'), id);
  }
  db.exec('CREATE INDEX drift_fleet ON drift (fingerprint, node) WHERE ended_at IS NULL;');
}
