/** The directory that a build replaces. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './bundle-options.ts';

/**
 * Why a build must not replace `directory`, or null. It may replace what is not there, what is empty, and an earlier
 * build; never the checkout or what the checkout is in.
 */
export function whyNotReplaced(directory: string): string | null {
  try {
    const real = realpathSync(directory);
    const checkout = realpathSync(repositoryRoot);
    if (real === checkout || checkout.startsWith(join(real, '/'))) return 'the checkout is in it';
    if (readdirSync(real).length === 0 || isBuild(real)) return null;
    return 'it holds something else than an earlier build';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    return code === 'ENOTDIR' ? 'it is no directory' : message;
  }
}

function isBuild(directory: string): boolean {
  if (!readdirSync(directory).includes('SHA256SUMS')) return false;
  const sums = readFileSync(join(directory, 'SHA256SUMS'), 'utf8');
  return /^[0-9a-f]{64} {2}(?:holdfast-agent|collector\.cjs)$/m.test(sums);
}
