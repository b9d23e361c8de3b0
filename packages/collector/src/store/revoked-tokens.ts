/**
 * Which tokens were revoked, in a file beside the database: so a backup from before a revocation, once it is restored,
 * does not bring the token back. Only hashes are kept.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Millis } from '#core/node-state';
import { putInPlace } from '#store/durable-file';

export const revokedTokensName = 'revoked-tokens';

const heading = '# sha256 of each revoked token, and when it was revoked (milliseconds since 1970)\n';
const linePattern = /^([0-9a-f]{64}) (\d{1,15})$/;

/** By hash. Throws if the file is damaged: what it held must not be forgotten. */
export function readRevokedTokens(directory: string): Map<string, Millis> {
  const file = join(directory, revokedTokensName);
  const revoked = new Map<string, Millis>();
  for (const [i, line] of textOf(file).split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const match = linePattern.exec(line);
    if (!match)
      throw new Error(`${file}: line ${i + 1} is damaged: put a good copy in its place, or remove the line`);
    revoked.set(match[1]!, Number(match[2]));
  }
  return revoked;
}

/** Durable when it returns. The caller sees to it that nobody else writes meanwhile. */
export function addRevokedToken(directory: string, hash: string, at: Millis): void {
  const revoked = readRevokedTokens(directory);
  if (revoked.has(hash)) return;
  revoked.set(hash, at);
  const lines = [...revoked].map(([each, when]) => `${each} ${when}\n`);
  const file = join(directory, revokedTokensName);
  const temporary = `${file}.new`;
  writeFileSync(temporary, heading + lines.join(''), { mode: 0o600 });
  putInPlace(temporary, file);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
