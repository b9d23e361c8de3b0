import { spawnSync } from 'node:child_process';
import { repositoryRoot } from './bundle-options.ts';

/** The commit that is checked out, with `-modified` if files differ from it; null where git cannot say. */
export function checkoutCommit(): string | null {
  const head = git(['rev-parse', '--verify', 'HEAD']);
  const status = git(['status', '--porcelain']);
  if (head === null || status === null) return null;
  return status === '' ? head : `${head}-modified`;
}

function git(args: readonly string[]): string | null {
  const { status, stdout } = spawnSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}
