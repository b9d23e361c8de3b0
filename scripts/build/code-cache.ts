/** What V8 compiled of the executable's parts, so that a start compiles next to nothing of them. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { agentNodeFlags } from '@holdfast/agent/runtime';

const run = promisify(execFile);

/** The main script of the executable, which can write the code caches too. */
export const main = 'executable-main.cjs';

/**
 * With the flags that it will run with, else V8 throws the code cache away; and a code cache holds hashes of strings,
 * which V8 seeds with a random number. (--hash-seed would be a flag that it does not run with.)
 */
export const buildFlags: readonly string[] = [...agentNodeFlags, '--random-seed=1'];

/** V8 drops a code cache that it does not like without a word, and only the start would be slower. */
const refuseRejected = `
const { readFileSync } = require('node:fs');
for (const name of process.argv.slice(1)) {
  const cachedData = readFileSync(name + '.cache');
  const { cachedDataRejected } = new vm.Script(readFileSync(name, 'latin1'), { filename: name, cachedData });
  if (cachedDataRejected) throw new Error('V8 rejects the code cache of ' + name);
}`;

/** For the parts in `directory`: puts `name.cache` beside each, and `main`. The same parts get the same bytes. */
export async function writeCodeCaches(directory: string): Promise<void> {
  const bare = { cwd: directory, env: {} };
  const parts = (await readdir(directory)).filter((name) => name.endsWith('.js'));
  await copyFile(join(import.meta.dirname, main), join(directory, main));
  // What an offline command compiles at its start goes in.
  await mkdir(join(directory, 'tree'));
  await writeFile(join(directory, 'scope.yaml'), 'version: 1\npaths:\n  - path: /tree\n');
  const scan = ['scan', '--host-root', directory, '--scope-file', join(directory, 'scope.yaml')];
  await run(process.execPath, [...buildFlags, main, ...scan], bare);
  await run(process.execPath, [...agentNodeFlags, '--eval', refuseRejected, '--', ...parts], bare);
}
