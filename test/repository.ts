/** The repository as its own tests see it: which files there are, what they say, and what they import. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

export const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** What git does not track either; asked of the disk, because a checkout need not have git. */
const untracked = new Set(['node_modules', 'dist', '.git', '.holdfast']);

/** Paths from the root, sorted. */
export const repositoryFiles: readonly string[] = filesBelow('').sort();

/** TypeScript that ships: no tests. */
export const sourceFiles = repositoryFiles.filter(
  (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !isTest(path),
);

/** Tests, and what only tests use. */
export function isTest(path: string): boolean {
  return path.startsWith('test/') || /(?:\.test|(?:^|\/)test-[^/]*)\.ts$/.test(path);
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

/** The code of a TypeScript file without types and comments. */
export function codeOf(path: string): string {
  return transformSync(readRepositoryFile(path), { loader: 'ts', target: 'esnext', minifyWhitespace: true })
    .code;
}

/** What a TypeScript file imports, types too, as written. */
export function importsOf(path: string): string[] {
  const source = readRepositoryFile(path);
  const statements = /^(?:import|export)\s(?:[\w\s{},*$]*?\sfrom\s)?\s*['"]([^'"]+)['"]/gm;
  const calls = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...source.matchAll(statements), ...source.matchAll(calls)].map((match) => match[1]!);
}

/** Fails with every finding at once, each on a line. */
export function assertNone(findings: readonly string[], rule: string): void {
  if (findings.length > 0) throw new Error(`${rule}\n${findings.map((line) => `  ${line}`).join('\n')}`);
}

function filesBelow(directory: string): string[] {
  return readdirSync(join(repositoryRoot, directory), { withFileTypes: true }).flatMap((entry) => {
    if (untracked.has(entry.name) || entry.name.startsWith('.dist.')) return [];
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}
