#!/usr/bin/env node
// Runs a Holdfast command on a machine that has only some Node >= 18 and npm: installs what is missing
// (pnpm, Node 24 and the dependencies, all from the npm registry), then hands over to Node 24.
// Plain JavaScript, because the machine's own Node may not be able to read TypeScript.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node24 = join(root, 'node_modules', 'node', 'bin', 'node');
const installedMark = join(root, 'node_modules', '.holdfast-installed');

/** Not in package.json's `packageManager`: pnpm then wants itself in the lockfile, and a frozen install fails. */
const pnpm = 'pnpm@12.21.0';

const programs = {
  start: ['scripts/start.ts'],
  test: ['scripts/test.ts'],
  bench: ['bench/main.ts'],
  agent: ['packages/agent/src/main.ts'],
  collector: ['packages/collector/src/main.ts'],
};

const [name, ...args] = process.argv.slice(2);
const program = Object.hasOwn(programs, name ?? '') ? programs[name] : undefined;
if (!program) {
  console.error(`usage: node scripts/bootstrap.mjs ${Object.keys(programs).join('|')} [ARGS]`);
  process.exit(1);
}

installIfNeeded();
handOver([...program, ...args]);

function wantedInstall() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) {
    hash.update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

function installIfNeeded() {
  const wanted = wantedInstall();
  if (existsSync(node24) && existsSync(installedMark) && readFileSync(installedMark, 'utf8') === wanted)
    return;
  console.error('holdfast: installing dependencies from the npm registry (once; about 15 s)');
  const install = spawnSync('npx', ['--yes', pnpm, 'install', '--frozen-lockfile'], {
    cwd: root,
    stdio: ['ignore', 2, 2], // stdout belongs to the program that runs afterwards
  });
  if (install.status !== 0) {
    console.error('holdfast: the installation failed; its output is above');
    process.exit(1);
  }
  writeFileSync(installedMark, wanted);
}

function handOver(argv) {
  const path = `${dirname(node24)}:${process.env.PATH ?? ''}`;
  const child = spawn(
    node24,
    argv.map((arg, i) => (i === 0 ? join(root, arg) : arg)),
    {
      stdio: 'inherit',
      env: { ...process.env, PATH: path },
    },
  );
  // Ctrl-C reaches the child by the terminal's process group; a `kill` of this process alone does not.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {});
  child.on('error', (error) => {
    console.error(`holdfast: cannot run Node 24: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    process.exit(code ?? 1);
  });
}
