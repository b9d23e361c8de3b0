/**
 * Test files that share a process. To start one and to load the sources into it takes a second, which is most of what
 * a test of pure code costs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Their tests touch nothing that belongs to the whole process: what they test is pure, or lies in directories and on
 * ports of their own.
 */
const sharing = [
  'packages/agent/src/core/',
  'packages/collector/src/core/',
  'packages/collector/src/outputs/',
  'packages/collector/src/routes/',
  'packages/collector/src/store/',
  'packages/collector/src/sweep/core/',
  'packages/shared/src/',
] as const;

/** `files` are relative to `root`. Returns what is to be run in their place; what takes longest first. */
export function groupTests(root: string, files: readonly string[]): string[] {
  const directoryOf = (file: string) => sharing.find((directory) => file.startsWith(directory));
  const groups = Map.groupBy(files, directoryOf);
  const alone = groups.get(undefined) ?? [];
  const entries = sharing.flatMap((directory) => {
    const group = groups.get(directory) ?? [];
    return group.length > 1 ? [writeEntry(root, directory, group)] : group;
  });
  const isWholeProgram = (file: string) => file.startsWith('test/');
  return [...alone.filter(isWholeProgram), ...entries, ...alone.filter((file) => !isWholeProgram(file))];
}

/** A module that loads each of `files`. Returns its path. */
function writeEntry(root: string, directory: string, files: readonly string[]): string {
  const cache = join(root, 'node_modules', '.cache', 'tests');
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${directory.replaceAll('/', '-')}tests.mjs`);
  const lines = files.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};\n`);
  writeFileSync(path, lines.join(''));
  return path;
}
