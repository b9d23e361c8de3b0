/**
 * Test files that share a process, and which begin first. To start a process and to load the sources into it takes up to
 * a second of the processor, which is most of what many a test costs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const below = (directory: string, ...paths: string[]) => paths.map((path) => `${directory}/${path}`);

/**
 * By how their paths begin. Their tests touch nothing that belongs to the whole process: what they test is pure, or lies
 * in directories and on ports of their own.
 */
const sharing: Readonly<Record<string, readonly string[]>> = {
  agent: below('packages/agent/src', 'config.', 'health/', 'io/', 'report/'),
  'agent-core': below('packages/agent/src', 'core/'),
  collector: below(
    'packages/collector/src',
    'commands/',
    'config.',
    'cron.',
    'sweep-config.',
    'sweep/fan-out.',
  ),
  'collector-core': below('packages/collector/src', 'core/', 'sweep/core/'),
  'collector-outputs': below('packages/collector/src', 'outputs/'),
  'collector-routes': below('packages/collector/src', 'routes/'),
  'collector-store': below('packages/collector/src', 'store/'),
  repository: [
    ...below('test', 'dashboard.', 'dependencies.', 'dockerfiles.', 'documents.', 'imports.', 'openapi.'),
    ...below('test', 'kubernetes-schemas.', 'places-in-sources.', 'rules.', 'series.', 'shell-scripts.'),
  ],
  shared: below('packages/shared', 'src/'),
};

/** The one that takes minutes and all that it gets of the machine, and some that do not mind what runs beside them. */
const first = ['test/sweep/whole-tree.test.ts', 'test/checks.test.ts', 'test/alerts.test.ts'] as const;

/** `files` are relative to `root`. Returns what is to be run in their place, in the order in which it is to begin. */
export function groupTests(root: string, files: readonly string[]): string[] {
  const groupOf = (file: string) =>
    Object.keys(sharing).find((group) => sharing[group]!.some((path) => file.startsWith(path)));
  const groups = Map.groupBy(files, groupOf);
  const alone = groups.get(undefined) ?? [];
  groups.delete(undefined);
  const entries = Array.from(groups, ([group, members]) =>
    members.length > 1 ? writeEntry(root, group!, members) : members[0]!,
  );
  const later = alone.filter((file) => !first.some((path) => path === file));
  const isWholeProgram = (file: string) => file.startsWith('test/');
  return [
    ...first.filter((file) => alone.includes(file)),
    ...entries,
    ...later.filter(isWholeProgram),
    ...later.filter((file) => !isWholeProgram(file)),
  ];
}

/** A module that loads each of `files`. Returns its path. */
function writeEntry(root: string, group: string, files: readonly string[]): string {
  const cache = join(root, 'node_modules', '.cache', 'tests');
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${group}.tests.mjs`);
  const lines = files.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};\n`);
  writeFileSync(path, lines.join(''));
  return path;
}
