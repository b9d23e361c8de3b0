/** Records that were written before there was a chain are chained as they are found; from then on none can be changed. */
import type { Database } from 'better-sqlite3';
import { auditHash, type ChainedAudit, emptyAudit } from '#core/audit-chain';

export function chainAudit(db: Database): void {
  db.exec(`
    CREATE TABLE audit_chain (
      id INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      who TEXT NOT NULL,
      action TEXT NOT NULL,
      node TEXT,
      reason TEXT,
      details TEXT NOT NULL,
      hash TEXT NOT NULL -- over the record and the hash of the one before
    ) STRICT;
  `);
  const add = db.prepare('INSERT INTO audit_chain VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const all = db.prepare<[], Omit<ChainedAudit, 'hash'>>(
    'SELECT id, at, who, action, node, reason, details FROM audit ORDER BY id',
  );
  let head = emptyAudit;
  for (const { at, who, action, node, reason, details } of all.all()) {
    const record = { id: head.id + 1, at, who, action, node, reason, details };
    head = { id: record.id, hash: auditHash(head, record) };
    add.run(record.id, at, who, action, node, reason, details, head.hash);
  }
  db.exec(`
    DROP TABLE audit;
    ALTER TABLE audit_chain RENAME TO audit;
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit log is not changed'); END;
    CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit log is not shortened'); END;
  `);
}
