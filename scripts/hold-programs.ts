/**
 * Holds the programs that the tests start again and again in memory. A kernel that pages out files as soon as nobody
 * runs them reads each of them from the disk at every start: of a run of 15 minutes, stalls of up to a minute were that.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, globSync } from 'node:fs';
import { join } from 'node:path';

const fromPath = ['terraform', 'kubectl', 'prometheus', 'promtool', 'prometheus-pushgateway', 'aide', 'git'];
const installed = [
  'node/bin/node',
  'esbuild/bin/esbuild',
  '.pnpm/@typescript+typescript-*/node_modules/@typescript/*/lib/tsc',
  '.pnpm/@oxlint-tsgolint+*/node_modules/@oxlint-tsgolint/*/tsgolint',
  '.pnpm/better-sqlite3@*/node_modules/better-sqlite3/prebuilds/linux-*.node',
];

/**
 * vmtouch(8) locks them, where it is installed and may; without it the tests only take longer. The shell ends it when
 * its own input ends, and so when this process does, however that comes about; Ctrl-C is meant for this process.
 */
const holding = `trap '' INT; vmtouch -lqf -- "$@" & read -r _; kill $!; wait`;

/** Returns how to let go of them. */
export function holdPrograms(root: string): () => void {
  return holdFiles([
    ...installed.flatMap((path) => globSync(join(root, 'node_modules', path))),
    ...fromPath.flatMap((name) => onPath(name) ?? []),
  ]);
}

/** Returns how to let go of them. They are read meanwhile: a second or two for what is not in memory yet. */
export function holdFiles(paths: readonly string[]): () => void {
  const held = spawn('sh', ['-c', holding, 'sh', ...paths], { stdio: ['pipe', 'ignore', 'ignore'] });
  held.on('error', () => {}); // no shell
  held.unref();
  return () => held.stdin.end();
}

function onPath(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(':');
  return directories.map((directory) => join(directory, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
