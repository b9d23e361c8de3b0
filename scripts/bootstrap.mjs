#!/usr/bin/env node
// Runs a Holdfast command on a machine that has only some Node >= 18 and npm: installs what is missing
// (pnpm, Node 24 and the dependencies, all from the npm registry), then hands over to Node 24.
// Plain JavaScript, because the machine's own Node may not be able to read TypeScript.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  build: ['scripts/build.ts'],
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
  if (isInstalled(wanted)) return;
  const release = waitForOtherInstalls();
  try {
    if (isInstalled(wanted)) return;
    console.error('holdfast: installing dependencies from the npm registry (once; about 15 s)');
    const install = spawnSync('npx', ['--yes', pnpm, 'install', '--frozen-lockfile'], {
      cwd: root,
      stdio: ['ignore', 2, 2], // stdout belongs to the program that runs afterwards
    });
    if (install.error) fail(`cannot run npx: ${install.error.message}`);
    if (install.status !== 0) fail('the installation failed; its output is above');
    if (!existsSync(node24)) fail('the installation left no Node 24; remove node_modules and try again');
    writeFileSync(installedMark, wanted);
  } finally {
    release();
  }
}

function isInstalled(wanted) {
  return existsSync(node24) && existsSync(installedMark) && readFileSync(installedMark, 'utf8') === wanted;
}

/** `npm start` and `npm test` at once in a fresh clone would install over each other. Returns the way to let go. */
function waitForOtherInstalls() {
  const lock = join(root, '.holdfast-installing');
  for (let waiting = false; ; waiting = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      process.on('exit', () => rmSync(lock, { force: true })); // also when fail() ends the process
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`cannot write ${lock}: ${error.message}`);
    }
    if (!isAlive(lock)) rmSync(lock, { force: true });
    else if (!waiting) console.error('holdfast: waiting for another installation in this directory');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
}

/** Whether the process that holds the lock still runs. A lock without a number yet is being written. */
function isAlive(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function handOver(argv) {
  const child = spawn(node24, [join(root, argv[0]), ...argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${dirname(node24)}:${process.env.PATH ?? ''}` },
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C reaches the child by the terminal's process group, and a second SIGINT would cut its orderly end short.
  // Without a terminal nobody else passes it on.
  process.on('SIGINT', () => {
    if (!hasTerminal()) child.kill('SIGINT');
  });
  child.on('error', (error) => fail(`cannot run Node 24: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
    process.exit(code ?? 1);
  });
}

function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

function fail(message) {
  console.error(`holdfast: ${message}`);
  process.exit(1);
}
