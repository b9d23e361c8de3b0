/** API tokens: who holds which role. Only a hash of a token is kept. */
import type { Database } from 'better-sqlite3';
import type { Millis } from '#core/node-state';
import type { TokenRecord, TokenRole } from '#store/store';

interface TokenRow {
  readonly id: number;
  readonly name: string;
  readonly role: TokenRole;
  readonly node: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
}

export function tokenRows(db: Database) {
  const columns = 'id, name, role, node, created_at, expires_at, revoked_at';
  const sql = {
    add: db.prepare(
      'INSERT INTO token (hash, name, role, node, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    revoke: db.prepare<[number, number]>(
      'UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL',
    ),
    hashOf: db.prepare<[number], string>('SELECT hash FROM token WHERE id = ?').pluck(),
    list: db.prepare<[], TokenRow>(`SELECT ${columns} FROM token ORDER BY id`),
    byHash: db.prepare<[string], TokenRow>(
      `SELECT ${columns} FROM token WHERE hash = ? AND revoked_at IS NULL`,
    ),
  };
  return {
    add(token: Omit<TokenRecord, 'id' | 'revokedAt'>, hash: string): TokenRecord {
      const { name, role, node, createdAt, expiresAt } = token;
      const added = sql.add.run(hash, name, role, node, createdAt, expiresAt);
      return { ...token, id: Number(added.lastInsertRowid), revokedAt: null };
    },
    /** Returns false if there is no such token, or if it was revoked before. */
    revoke: (id: number, at: Millis): boolean => sql.revoke.run(at, id).changes > 0,
    hashOf: (id: number): string | null => sql.hashOf.get(id) ?? null,
    list: (): TokenRecord[] => sql.list.all().map(toToken),
    byHash(hash: string): TokenRecord | null {
      const row = sql.byHash.get(hash);
      return row ? toToken(row) : null;
    },
  };
}

function toToken(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    node: row.node,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}
