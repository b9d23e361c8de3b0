/** The directory that a build replaces, and the one beside it that the build is made in. */
import { readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/** Where process `pid` makes what becomes `directory`. */
export function buildingPlace(directory: string, pid = process.pid): string {
  return join(dirname(directory), `.${basename(directory)}.${pid}`);
}

/** Removes what builds left behind that were killed. In a container each of them may have had this process' number. */
export function sweepBuildingPlaces(directory: string): void {
  const prefix = `.${basename(directory)}.`;
  for (const name of entriesOf(dirname(directory))) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (!/^[1-9]\d*$/.test(pid) || (Number(pid) !== process.pid && runs(Number(pid)))) continue;
    rmSync(join(dirname(directory), name), { recursive: true, force: true });
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
