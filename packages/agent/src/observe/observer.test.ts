import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Manifest } from '@holdfast/shared/manifest';
import { needRoot } from '../../../../test/need.ts';
import type { ObservedChange } from '#core/observation';
import { type Observer, startObserver } from './observer.ts';
import type { ObserverOptions } from './options.ts';
import { makeTestTree, type TestTree } from './test-tree.ts';

const run = promisify(execFile);

test('until the first full scan has ended there is no manifest, and its entries are not told as changes', async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/file'), 'x');
  const observer = await start(t, tree, { startDelayMs: 50 });
  const changes = collect(observer);
  assert.equal(manifestOf(observer), null);
  await watching(observer);
  assert.equal(manifestOf(observer)?.size, 2);
  assert.deepEqual(observer.scans.map((scan) => scan.net).sort(), ['full', 'metadata']);
  assert.deepEqual(changes, []);
});

test('a rescan asked for before the first scan ends its delay', async (t) => {
  const tree = makeTestTree(t);
  const observer = await start(t, tree, { startDelayMs: 3_600_000, startAtFullSpeed: false });
  const [one, other] = await Promise.all([observer.rescan(), observer.rescan()]);
  assert.equal(one, other, 'two that wait share one scan');
  assert.equal(observer.manifest?.size, 1);
});

test('the watcher tells of writes, new trees, removals, atomic replacement and names that are not UTF-8', async (t) => {
  const tree = makeTestTree(t, { paths: [{ path: '/tree' }, { path: '/single/only' }] });
  mkdirSync(tree.at('/single'));
  writeFileSync(tree.at('/single/only'), 'v1');
  writeFileSync(tree.at('/single/other'), 'not in the scope');
  writeFileSync(tree.at('/tree/file'), 'x');
  const observer = await start(t, tree);
  await watching(observer);
  const changes = collect(observer);
  const told = (path: string, sha256: string | undefined): Promise<void> =>
    until(() => changes.some((change) => change.path === path && change.after?.sha256 === sha256), path);

  writeFileSync(tree.at('/tree/file'), 'y');
  await told('/tree/file', hash('sha256', 'y'));
  mkdirSync(tree.at('/tree/a/b/c'), { recursive: true });
  writeFileSync(tree.at('/tree/a/b/c/deep'), 'z');
  await told('/tree/a/b/c/deep', hash('sha256', 'z'));
  writeFileSync(tree.at('/single/new'), 'v2');
  renameSync(tree.at('/single/new'), tree.at('/single/only'));
  await told('/single/only', hash('sha256', 'v2'));
  writeFileSync(tree.at('/single/new'), 'v3');
  renameSync(tree.at('/single/new'), tree.at('/single/only'));
  await told('/single/only', hash('sha256', 'v3'));
  writeFileSync(Buffer.concat([Buffer.from(tree.at('/tree/')), Buffer.from([0xff, 0x0a])]), 'bytes');
  await told('/tree/%FF%0A', hash('sha256', 'bytes'));
  symlinkSync('..', tree.at('/tree/link'));
  await told('/tree/link', undefined);
  rmSync(tree.at('/tree/a'), { recursive: true });
  await until(() => changes.some((change) => change.path === '/tree/a' && change.after === null), 'removal');
  assert.deepEqual([...new Set(changes.map((change) => change.net))], ['watch']);
  assert.equal(
    changes.some((change) => change.path === '/single/other'),
    false,
  );
  assert.equal(observer.watchDegraded, null);
});

test('a file that is written without rest is looked at all the same', async (t) => {
  const tree = makeTestTree(t);
  const observer = await start(t, tree);
  await watching(observer);
  const changes = collect(observer);
  const enough = AbortSignal.timeout(1500);
  for (let i = 0; !enough.aborted && changes.length === 0; i++) {
    writeFileSync(tree.at('/tree/log'), 'x'.repeat(i % 100));
    await sleep(2);
  }
  assert.notEqual(changes.length, 0);
});

test('a root that appears later is found by a sweep, and watched from then on', async (t) => {
  const tree = makeTestTree(t, { paths: [{ path: '/tree' }, { path: '/late' }] });
  const observer = await start(t, tree, { metadataScanSeconds: 0.2 });
  await watching(observer);
  const changes = collect(observer);
  mkdirSync(tree.at('/late'));
  writeFileSync(tree.at('/late/file'), 'x');
  await until(() => changes.some((change) => change.path === '/late/file'), 'found by a sweep');
  assert.deepEqual([...new Set(changes.map((change) => change.net))], ['metadata']);
  await sleep(100);
  writeFileSync(tree.at('/late/file'), 'y');
  await until(() => changes.some((change) => change.net === 'watch'), 'found by the watch');
});

test('sweeps go on while what one has found takes longer to read than the time between two', async (t) => {
  const tree = makeTestTree(t);
  const sweepsOnly = { settleMs: 60_000, metadataScanSeconds: 0.1, maxFileMib: 1024 };
  const observer = await start(t, tree, sweepsOnly);
  await watching(observer);
  writeFileSync(tree.at('/tree/large'), '');
  truncateSync(tree.at('/tree/large'), 512 * 1024 * 1024);
  await sleep(150); // a sweep has begun to read it
  writeFileSync(tree.at('/tree/small'), 'x');
  await until(() => observer.manifest?.get('/tree/small') !== undefined, 'the next sweep');
  assert.equal(observer.manifest?.get('/tree/large'), undefined, 'the large file is still read');
  await until(() => observer.manifest?.get('/tree/large') !== undefined, 'the large file was read');
  const sweeps = countSweeps(observer);
  await until(() => sweeps() > 1, 'sweeps after that');
});

test('a directory that no watcher can be told of makes the watch degraded while it is there', async (t) => {
  const tree = makeTestTree(t);
  mkdirSync(tree.at('/tree/100%'));
  const unwatchable = Buffer.concat([Buffer.from(tree.at('/tree/')), Buffer.of(0xff)]);
  mkdirSync(unwatchable);
  const observer = await start(t, tree, { metadataScanSeconds: 0.2 });
  await watching(observer);
  const sentence = 'directories that have no watch, because their paths are not UTF-8: 1';
  assert.equal(observer.watchDegraded, sentence);
  rmdirSync(unwatchable);
  await until(() => observer.watchDegraded === null, 'it is well again');
});

test('a root with a `%` in its path is watched', async (t) => {
  const tree = makeTestTree(t, { paths: [{ path: '/tree/100%25' }] });
  mkdirSync(tree.at('/tree/100%'));
  writeFileSync(tree.at('/tree/100%/file'), 'x');
  const observer = await start(t, tree);
  await watching(observer);
  const changes = collect(observer);
  writeFileSync(tree.at('/tree/100%/file'), 'y');
  await until(() => changes.length > 0, 'the watcher tells');
  assert.deepEqual(
    changes.map(({ path, net }) => [path, net]),
    [['/tree/100%25/file', 'watch']],
  );
});

test('10,000 changes in a burst end in the final state of every file', async (t) => {
  const tree = makeTestTree(t);
  for (let i = 0; i < 1000; i++) writeFileSync(tree.at(`/tree/${i}`), 'start');
  const observer = await start(t, tree);
  await watching(observer);
  const collected = collect(observer);
  for (let i = 0; i < 10_000; i++) {
    writeFileSync(tree.at(`/tree/${i % 1000}`), `state ${i}`);
    if (i % 100 === 0) await sleep(10);
  }
  const isFinal = (i: number): boolean =>
    observer.manifest?.get(`/tree/${i}`)?.sha256 === hash('sha256', `state ${9000 + i}`);
  await until(() => Array.from({ length: 1000 }, (_, i) => i).every(isFinal), 'all final states');
  assert.deepEqual([...new Set(collected.map((change) => change.net))], ['watch'], 'without a sweep');
});

test('what a kernel queue overflow swallowed is found within one sweep', async (t) => {
  const tree = makeTestTree(t);
  for (let i = 0; i < 40; i++) mkdirSync(tree.at(`/tree/noisy-${i}`));
  mkdirSync(tree.at('/tree/quiet'));
  writeFileSync(tree.at('/tree/quiet/planted'), 'before');
  const observer = await start(t, tree, { metadataScanSeconds: 4 });
  await watching(observer);
  // 40,000 events into a queue that holds 16,384, then the one that counts, all while this thread is blocked.
  const script = `for i in {0..39}; do for j in {1..500}; do echo > "$1/tree/noisy-$i/$j"; done; done
    echo after > "$1/tree/quiet/planted"; touch "$1/done"`;
  const writing = run('bash', ['-c', script, 'bash', tree.hostRoot]);
  const blocked = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(tree.at('/done'))) Atomics.wait(blocked, 0, 0, 20);
  await writing;
  const sweeps = countSweeps(observer);
  const after = hash('sha256', 'after\n');
  await until(() => observer.manifest?.get('/tree/quiet/planted')?.sha256 === after, 'planted', 20_000);
  assert.ok(sweeps() <= 1, 'more than one sweep had ended before');
  await until(() => observer.manifest?.size === 1 + 41 + 20_000 + 1, 'all files', 20_000);
});

test('without inotify watches it is degraded, says so, and sweeps; with some again it watches', {
  skip: needRoot(),
}, async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/file'), 'x');
  // The limit is that of a user namespace, so that no one else on this machine runs out.
  const { stdout } = await run(
    'unshare',
    ['--user', '--map-root-user', 'bash', '-c', runWithoutWatches, 'bash'].concat(
      process.execPath,
      '--input-type=module-typescript',
      '-e',
      observeInChild,
      tree.hostRoot,
    ),
  );
  const [degraded, ...found] = stdout.trim().split('\n');
  assert.match(degraded ?? '', /raise fs\.inotify\.max_user_watches/);
  assert.deepEqual(found, ['metadata /tree/file', 'watch /tree/file']);
});

const runWithoutWatches = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"';

/** Prints why the watcher is degraded, and the first change; gives it watches, and prints the next change. */
const observeInChild = `
  import { writeFileSync } from 'node:fs';
  const from = (path) => import(new URL(path, '${import.meta.url}').href);
  const { startObserver } = await from('./observer.ts');
  const { quietLog } = await from('./quiet-log.ts');
  const { checkScope, compileScope } = await from('../../../shared/src/scope.ts');
  const hostRoot = process.argv[1];
  const scope = compileScope(checkScope({ version: 1, paths: [{ path: '/tree' }] }));
  await using observer = await startObserver({
    scope, hostRoot, maxFileMib: 1, log: quietLog, settleMs: 20, watchRetryMs: 200, metadataScanSeconds: 3600,
    fullScanCron: '0 3 * * *', readMibPerSecond: 0, startDelayMs: 0, startAtFullSpeed: true,
  });
  const holds = (condition) => new Promise((resolve) => observer.onState(() => condition() && resolve()));
  const change = () => new Promise((resolve) => observer.onChange(([first]) => resolve(first)));
  const print = ({ net, path }) => console.log(net, path);
  await holds(() => observer.watchDegraded !== null);
  console.log(observer.watchDegraded);
  const found = change();
  writeFileSync(hostRoot + '/tree/file', 'changed');
  print(await found);
  const well = holds(() => observer.watchDegraded === null);
  writeFileSync('/proc/sys/user/max_inotify_watches', '1000');
  await well;
  await new Promise((resolve) => setTimeout(resolve, 300)); // for the sweep that follows it
  const seen = change();
  writeFileSync(hostRoot + '/tree/file', 'changed again');
  print(await seen);
`;

async function start(t: TestContext, tree: TestTree, more: Partial<ObserverOptions> = {}): Promise<Observer> {
  const observer = await startObserver({ ...tree.options, ...more });
  t.after(() => observer[Symbol.asyncDispose]());
  return observer;
}

/** Resolves when the sweep that follows the start of the watcher has ended. */
async function watching(observer: Observer): Promise<void> {
  await until(() => observer.scans.some((scan) => scan.net === 'metadata'), 'the first sweep');
}

/** A getter whose value changes, so that the compiler takes nothing for settled. */
function manifestOf(observer: Observer): Manifest | null {
  return observer.manifest;
}

function collect(observer: Observer): ObservedChange[] {
  const changes: ObservedChange[] = [];
  observer.onChange((batch) => changes.push(...batch));
  return changes;
}

function countSweeps(observer: Observer): () => number {
  const started = new Set(observer.scans.map((scan) => scan.startedAt));
  let sweeps = 0;
  observer.onState(() => {
    for (const { startedAt } of observer.scans) {
      if (!started.has(startedAt)) sweeps += 1;
      started.add(startedAt);
    }
  });
  return () => sweeps;
}

async function until(holds: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    assert.ok(performance.now() < end, `did not happen in time: ${what}`);
    await sleep(5);
  }
}
