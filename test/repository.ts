/** The repository as its own tests see it: which files there are, and what they say. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** Paths, from the root, of what is tracked or would be: everything but what .gitignore names. Sorted. */
export function repositoryFiles(): string[] {
  const { status, stdout, stderr } = spawnSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: repositoryRoot, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`git ls-files: ${stderr}`);
  return [...new Set(stdout.split('\0'))].filter((path) => path !== '').sort();
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

export const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.startsWith('test/');
