/** The audit log. It only grows: the database refuses to change or remove a record, and each is chained to the one before. */
import type { Database } from 'better-sqlite3';
import { type AuditHead, auditHash, type ChainedAudit, emptyAudit } from '#core/audit-chain';
import type { AuditRecord } from '#core/node-state';
import type { StoredAudit } from '#store/store';

export function auditRows(db: Database) {
  const columns = 'id, at, who, action, node, reason, details, hash';
  const sql = {
    head: db.prepare<[], AuditHead>('SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1'),
    add: db.prepare(`INSERT INTO audit (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    before: db.prepare<[number, number], ChainedAudit>(
      `SELECT ${columns} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`,
    ),
    after: db.prepare<[number, number], ChainedAudit>(
      `SELECT ${columns} FROM audit WHERE id > ? ORDER BY id LIMIT ?`,
    ),
  };
  const head = (): AuditHead => sql.head.get() ?? emptyAudit;
  return {
    head,
    /** Must run inside a transaction that writes: two records must not follow the same one. */
    add({ at, who, action, node, reason, details }: AuditRecord): void {
      if (!db.inTransaction) throw new Error('an audit record was to be written outside a transaction');
      const last = head();
      const id = last.id + 1;
      // Half a surrogate pair is not stored as it came, and the hash is over what is read back.
      const why = reason?.toWellFormed() ?? null;
      const record = { id, at, who, action, node, reason: why, details: JSON.stringify(details) };
      sql.add.run(id, at, who, action, node, why, record.details, auditHash(last, record));
    },
    /** Newest first. */
    list: (before: number | null, limit: number): StoredAudit[] =>
      sql.before.all(before ?? Number.MAX_SAFE_INTEGER, limit).map(toAudit),
    /** Oldest first, as they are stored. */
    after: (id: number, limit: number): ChainedAudit[] => sql.after.all(id, limit),
  };
}

function toAudit({ details, action, ...record }: ChainedAudit): StoredAudit {
  return {
    ...record,
    action: action as StoredAudit['action'],
    details: JSON.parse(details) as StoredAudit['details'],
  };
}
