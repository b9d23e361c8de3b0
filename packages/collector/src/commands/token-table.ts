import type { TokenRecord } from '#store/store';

/** One line a token, columns aligned. */
export function tokenTable(tokens: readonly TokenRecord[]): string {
  const rows = tokens.map(({ id, role, name, node, createdAt, expiresAt, revokedAt }) => [
    String(id),
    role,
    name,
    node ?? (role === 'agent' ? 'any' : '-'),
    new Date(createdAt).toISOString(),
    expiresAt === null ? '-' : new Date(expiresAt).toISOString(),
    revokedAt === null ? '-' : new Date(revokedAt).toISOString(),
  ]);
  const table = [['ID', 'ROLE', 'NAME', 'NODE', 'CREATED', 'EXPIRES', 'REVOKED'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
  return table.map((row) => `${line(row).trimEnd()}\n`).join('');
}
