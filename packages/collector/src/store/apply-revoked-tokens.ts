import type { Database } from 'better-sqlite3';
import { type Millis, systemActor } from '#core/node-state';
import { auditRows } from '#store/audit-rows';
import type { TokenRole } from '#store/store';

/**
 * Revokes, in the database, what was revoked before: an older copy of the data may have taken its place since. All of it
 * or nothing.
 */
export function applyRevokedTokens(db: Database, revoked: ReadonlyMap<string, Millis>): void {
  const find = db.prepare<[string], { id: number; name: string; role: TokenRole; node: string | null }>(
    'SELECT id, name, role, node FROM token WHERE hash = ? AND revoked_at IS NULL',
  );
  const due = [...revoked].flatMap(([hash, at]) => find.all(hash).map((token) => ({ ...token, at })));
  if (due.length === 0) return;
  const revoke = db.prepare<[number, number]>('UPDATE token SET revoked_at = ? WHERE id = ?');
  const audit = auditRows(db);
  db.transaction(() => {
    for (const { id, name, role, node, at } of due) {
      revoke.run(at, id);
      audit.add({
        at: Date.now(),
        who: systemActor,
        action: 'token-revoke',
        node: null,
        reason: 'it had been revoked before this copy of the data was put in place',
        details: { name, role, node },
      });
    }
  }).immediate();
}
