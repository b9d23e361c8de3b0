import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needTool } from '../../../../test/need.ts';
import { type AideProcessOptions, runAideProcess } from './aide-process.ts';
import { removeLeftovers } from './nameless-file.ts';
import { endLeftRunning, markRunning } from './running-mark.ts';
import { aideSite } from './test-aide-site.ts';

const needsAide = needTool('aide', 'apt-get install -y aide');

/** As AIDE 0.18 takes a SIGTERM: not at all. */
const deaf = 'trap "" TERM HUP INT; echo "$$" > "$0.pid"; while :; do sleep 1000; done';
const deafOnRuns = `case "$*" in *it*|*update*) ${deaf};; esac`;

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-aide-process-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function script(directory: string, lines: string): string {
  const path = join(directory, 'program');
  writeFileSync(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  return path;
}

function options(path: string, over: Partial<AideProcessOptions> = {}): AideProcessOptions {
  return {
    program: { path, wrappers: [] },
    args: [],
    onStderr: () => {},
    timeLimitMs: 20_000,
    stateDirectory: null,
    signal: new AbortController().signal,
    ...over,
  };
}

async function until<T>(look: () => T | null | undefined | false, what: string): Promise<T> {
  for (const deadline = performance.now() + 15_000; performance.now() < deadline; ) {
    const seen = look();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain: ${what}`);
}

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));

function pidIn(file: string): number | null {
  return existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) || null : null;
}

test('what takes too long is killed for certain, and its children with it', async (t) => {
  const path = script(temporary(t), `sleep 1000 & echo "$!" > "$0.child"; ${deaf}`);
  const end = await runAideProcess(options(path, { timeLimitMs: 700 }));
  assert.deepEqual(end, { exit: null, killedFor: 'it took longer than 0.7 s' });
  for (const file of ['pid', 'child']) {
    const pid = pidIn(`${path}.${file}`)!;
    await until(() => !isAlive(pid), `${file} has ended`);
  }
});

test('it runs at the lowest priority, in a group of its own, without our environment', async (t) => {
  const path = script(temporary(t), 'sleep 0.2; cut -d" " -f5,19 /proc/self/stat; env');
  let text = '';
  await runAideProcess(options(path, { onStdout: (piece) => (text += piece) }));
  const [group, nice] = text.split('\n')[0]!.split(' ').map(Number);
  assert.equal(nice, 19);
  assert.notEqual(group, process.pid);
  assert.match(text, /^LC_ALL=C$/m);
  assert.doesNotMatch(text, /^HOME=/m);
});

test('a database that grows without end is stopped', async (t) => {
  const directory = temporary(t);
  const path = script(directory, 'exec cat /dev/zero >&5');
  const { open } = await import('node:fs/promises');
  await using database = await open(join(directory, 'database'), 'w+');
  const end = await runAideProcess(
    options(path, {
      database: database.fd,
      maxDatabaseBytes: 1024 * 1024,
      signal: AbortSignal.timeout(10_000),
    }),
  );
  assert.match(end.killedFor ?? '', /its database became larger than 1 MiB/);
});

test('a program that is not there is an error of its own', async () => {
  await assert.rejects(runAideProcess(options('/no/such/aide')), /ENOENT/);
});

test('AIDE that hangs is failed after the time limit, and leaves nothing', { skip: needsAide }, async (t) => {
  const site = await aideSite(t, { timeLimitMs: 1500 });
  assert.equal((await site.look()).status, 'same'); // the self-test is behind us
  site.become(deafOnRuns);
  const { status, reason } = await site.look();
  assert.equal(status, 'failed');
  assert.match(reason ?? '', /longer than 1\.5 s/);
  assert.deepEqual(readdirSync(site.stateDirectory), []);
});

test('stopping the agent ends AIDE at once, and leaves nothing', { skip: needsAide }, async (t) => {
  const site = await aideSite(t);
  assert.equal((await site.look()).status, 'same');
  site.become(deafOnRuns);
  const looking = site.look();
  const pid = await until(() => pidIn(join(site.stateDirectory, '../aide.pid')), 'AIDE runs');
  await site.engine[Symbol.asyncDispose]();
  await looking;
  assert.equal(isAlive(pid), false);
  assert.deepEqual(readdirSync(site.stateDirectory), []);
});

test('runs that are asked for while one is going on become one', { skip: needsAide }, async (t) => {
  const site = await aideSite(t);
  await site.look();
  const count =
    'case "$*" in *it*|*update*) mkdir "$0.lock" || echo twice >> "$0.log"; echo run >> "$0.log"; $AIDE "$@"; rmdir "$0.lock"; exit 0;; esac';
  site.become(count);
  const first = site.engine.run();
  await new Promise((resolve) => setTimeout(resolve, 1));
  await Promise.all([first, site.engine.run(), site.engine.run(), site.engine.run()]);
  assert.equal(readFileSync(join(site.stateDirectory, '../aide.log'), 'utf8'), 'run\nrun\n');
});

/** Starts `path` as the agent does, in a process that is then killed as nothing can put off. */
async function killTheParent(
  t: TestContext,
  path: string,
  wrappers: string[],
): Promise<{ pid: number; state: string }> {
  const state = temporary(t);
  const module = new URL('./aide-process.ts', import.meta.url).href;
  const code = `import { runAideProcess } from '${module}';
    await runAideProcess({ program: { path: '${path}', wrappers: ${JSON.stringify(wrappers)} }, args: [],
      onStderr() {}, timeLimitMs: 60_000, stateDirectory: '${state}', signal: new AbortController().signal });`;
  const parent: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: 'inherit',
  });
  const pid = await until(() => pidIn(`${path}.pid`), 'the program runs');
  const mark = join(state, 'aide-running');
  await until(() => existsSync(mark) && readFileSync(mark, 'utf8').endsWith('\n'), 'it is marked as running');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return { pid, state };
}

const needsSetpriv = needTool('setpriv', 'apt-get install -y util-linux');
const hangs = 'trap "" TERM HUP INT; echo "$$" > "$0.pid"; exec sleep 1000';

test('an agent that is killed takes AIDE with it', { skip: needsSetpriv }, async (t) => {
  const path = script(temporary(t), hangs);
  const { pid } = await killTheParent(t, path, ['setpriv', '--pdeathsig', 'KILL', '--']);
  await until(() => !isAlive(pid), 'AIDE has ended');
});

test('without the means to that, the next agent ends it', async (t) => {
  const path = script(temporary(t), hangs);
  const { pid, state } = await killTheParent(t, path, []);
  assert.equal(isAlive(pid), true);
  assert.equal(endLeftRunning(state), true);
  await until(() => !isAlive(pid), 'AIDE has ended');
  assert.deepEqual(readdirSync(state), []);
});

test('a process that only has the same id is left alone, and so is nonsense', async (t) => {
  const state = temporary(t);
  markRunning(state, process.pid);
  const file = join(state, 'aide-running');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/ \d+/, ' 1'));
  assert.equal(endLeftRunning(state), false);
  for (const text of ['', 'x', '-1 5', '1']) {
    writeFileSync(file, text);
    assert.equal(endLeftRunning(state), false);
  }
});

test('what an agent left that was killed is removed, and nothing else', async (t) => {
  const state = temporary(t);
  mkdirSync(join(state, 'aide-0123.tmp/t'), { recursive: true });
  for (const name of ['aide-4567.tmp', 'outbox', 'aide.yaml']) writeFileSync(join(state, name), '');
  await removeLeftovers(state);
  assert.deepEqual(readdirSync(state).sort(), ['aide.yaml', 'outbox']);
});
