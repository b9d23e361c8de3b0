/**
 * Ends what outlived its group: a wrapper may have put a process into a session of its own. Such a process is known by
 * the mark that all children carry in their environment.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sweepMark } from '#sweep/core/child-environment';

export const planDirectoryPrefix = 'plans-';

/** Marks the children of all sweeps that work in this directory; each child appends its own. */
export function markOf(workDirectory: string): string {
  return createHash('sha256').update(workDirectory).digest('hex').slice(0, 16);
}

/** What an earlier sweep that was killed has left: processes and plan files. Only while no other one runs here. */
export async function clearLeftovers(workDirectory: string): Promise<void> {
  await killMarked(markOf(workDirectory));
  for (const name of await namesIn(workDirectory)) {
    if (!name.startsWith(planDirectoryPrefix)) continue;
    await rm(join(workDirectory, name), { recursive: true, force: true });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Kills every process whose mark begins with `mark`; other users' processes only if we may look at them. */
export async function killMarked(mark: string): Promise<number> {
  const sign = `\0${sweepMark}=${mark}/`;
  let killed = 0;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      if (!`\0${await readFile(`/proc/${name}/environ`, 'latin1')}`.includes(sign)) continue;
      process.kill(Number(name), 'SIGKILL');
      killed += 1;
    } catch {
      // It has ended meanwhile, or is not ours to look at.
    }
  }
  return killed;
}
