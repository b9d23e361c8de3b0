import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { getEventListeners } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { needRoot } from '../../../../test/need.ts';
import { changesDuring, makeTestTree, scanned, type TestTree } from './test-tree.ts';
import { newVisit, whenRead } from './visit.ts';

test('a sweep of an unchanged tree reads nothing and tells nothing', async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/file'), 'x');
  symlinkSync('file', tree.at('/tree/link'));
  const scanner = await scanned(t, tree);
  const told = await changesDuring(scanner, async () => {
    const { hashed, bytes, changed, entries, unread, net } = await scanner.metadataSweep();
    assert.deepEqual(
      { net, hashed, bytes, changed, entries, unread },
      { net: 'metadata', hashed: 0, bytes: 0, changed: 0, entries: 3, unread: 0 },
    );
  });
  assert.deepEqual(told, []);
});

test('a sweep finds every kind of change', { skip: needRoot() }, async (t) => {
  const tree = makeTestTree(t);
  for (const name of [
    'content',
    'mode',
    'owner',
    'removed',
    'replaced',
    'becomes-link',
    'becomes-directory',
    'moved',
  ]) {
    writeFileSync(tree.at(`/tree/${name}`), name);
  }
  mkdirSync(tree.at('/tree/removed-tree/sub'), { recursive: true });
  mkdirSync(tree.at('/tree/becomes-file'));
  writeFileSync(tree.at('/tree/becomes-file/inner'), 'x');
  const scanner = await scanned(t, tree);
  writeFileSync(tree.at('/tree/content'), 'CONTENT');
  chmodSync(tree.at('/tree/mode'), 0o4755);
  chownSync(tree.at('/tree/owner'), 12, 34);
  rmSync(tree.at('/tree/removed'));
  writeFileSync(tree.at('/tree/new'), 'replacing');
  renameSync(tree.at('/tree/new'), tree.at('/tree/replaced'));
  replace(tree, 'becomes-link', (path) => symlinkSync('content', path));
  replace(tree, 'becomes-directory', (path) => mkdirSync(path));
  writeFileSync(tree.at('/tree/becomes-directory/inner'), 'x');
  replace(tree, 'becomes-file', (path) => writeFileSync(path, 'x'));
  renameSync(tree.at('/tree/moved'), tree.at('/tree/moved-here'));
  rmSync(tree.at('/tree/removed-tree'), { recursive: true });
  assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
    '/tree/becomes-directory file→directory',
    '/tree/becomes-directory/inner none→file',
    '/tree/becomes-file directory→file',
    '/tree/becomes-file/inner file→none',
    '/tree/becomes-link file→symlink',
    '/tree/content file→file',
    '/tree/mode file→file',
    '/tree/moved file→none',
    '/tree/moved-here none→file',
    '/tree/owner file→file',
    '/tree/removed file→none',
    '/tree/removed-tree directory→none',
    '/tree/removed-tree/sub directory→none',
    '/tree/replaced file→file',
  ]);
  assert.equal(scanner.tree.manifest.get('/tree/mode')?.mode, 0o4755);
  const incremental = scanner.tree.manifest.digest();
  const fresh = await scanned(t, tree);
  assert.equal(incremental, fresh.tree.manifest.digest());
});

test('a change of the same size with its mtime put back is caught by ctime', async (t) => {
  const tree = makeTestTree(t);
  const file = tree.at('/tree/file');
  const { mtimeMs } = forge(file, 'before');
  const scanner = await scanned(t, tree);
  assert.equal(forge(file, 'after!').mtimeMs, mtimeMs);
  await scanner.metadataSweep();
  assert.equal(scanner.tree.manifest.get('/tree/file')?.sha256, hash('sha256', 'after!'));
});

test('a write through a hard link outside the scope is found', async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/file'), 'before');
  const scanner = await scanned(t, tree);
  linkSync(tree.at('/tree/file'), tree.at('/elsewhere'));
  writeFileSync(tree.at('/elsewhere'), 'after');
  await scanner.metadataSweep();
  assert.equal(scanner.tree.manifest.get('/tree/file')?.sha256, hash('sha256', 'after'));
});

test('what only a full scan can see is told as its own', async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/file'), 'content');
  const scanner = await scanned(t, tree);
  // No file can be changed here without a new ctime; an entry that was read differently stands for one that was.
  const entry = scanner.tree.manifest.get('/tree/file');
  scanner.tree.manifest.set({ ...entry!, sha256: hash('sha256', 'content of before') });
  const nets: string[] = [];
  scanner.feed.subscribe((changes) => nets.push(...changes.map((change) => `${change.net} ${change.path}`)));
  await scanner.metadataSweep();
  assert.deepEqual(nets, []);
  const { changed } = await scanner.fullScan();
  assert.deepEqual([nets, changed], [['full /tree/file'], 1]);
  assert.equal(scanner.tree.manifest.get('/tree/file')?.sha256, hash('sha256', 'content'));
});

test('two writes within one tick of a coarse clock are not taken for one', async (t) => {
  const tree = makeTestTree(t);
  const scanner = await scanned(t, tree);
  for (let i = 0; i < 20; i++) {
    writeFileSync(tree.at('/tree/file'), `first ${i}`);
    const sweep = scanner.metadataSweep();
    writeFileSync(tree.at('/tree/file'), `other ${i}`);
    await sweep;
    await scanner.metadataSweep();
    assert.equal(scanner.tree.manifest.get('/tree/file')?.sha256, hash('sha256', `other ${i}`));
  }
});

test('a file that changes during every read is unstable, and read once it rests', async (t) => {
  const tree = makeTestTree(t);
  const file = tree.at('/tree/restless');
  writeFileSync(file, 'x'.repeat(500_000));
  const scanner = await scanned(t, tree);
  const resting = new AbortController();
  const writing = (async () => {
    for (let i = 0; !resting.signal.aborted; i++) {
      writeFileSync(file, String(i % 10).repeat(500_000 + (i % 3)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await scanner.metadataSweep();
  resting.abort();
  await writing;
  assert.equal(scanner.tree.manifest.get('/tree/restless')?.unread, 'unstable');
  assert.equal((await scanner.metadataSweep()).unread, 0);
  assert.equal(scanner.tree.manifest.get('/tree/restless')?.sha256, hash('sha256', readFileSync(file)));
});

test('files that come and go during scans leave no trace and no error', async (t) => {
  const tree = makeTestTree(t);
  const scanner = await scanned(t, tree);
  const quiet = new AbortController();
  const churning = (async () => {
    for (let i = 0; !quiet.signal.aborted; i++) {
      writeFileSync(tree.at(`/tree/file-${i % 50}`), String(i));
      if (i % 3 === 0) rmSync(tree.at(`/tree/file-${(i * 7) % 50}`), { force: true });
      if (i % 20 === 0) await sleep(1);
    }
  })();
  for (let i = 0; i < 5; i++) await Promise.all([scanner.fullScan(), scanner.metadataSweep()]);
  quiet.abort();
  await churning;
  await scanner.metadataSweep();
  const fresh = await scanned(t, tree);
  assert.equal(scanner.tree.manifest.digest(), fresh.tree.manifest.digest());
});

test('an unreadable directory keeps its entries, marked; an unreadable file is named', {
  skip: needRoot(),
}, async (t) => {
  const tree = makeTestTree(t);
  chmodSync(tree.hostRoot, 0o755);
  mkdirSync(tree.at('/tree/closed'));
  for (const name of ['file', 'closed/inner']) writeFileSync(tree.at(`/tree/${name}`), 'x', { mode: 0o644 });
  const scanner = await scanned(t, tree);
  chmodSync(tree.at('/tree/closed'), 0o700);
  chmodSync(tree.at('/tree/file'), 0o600);
  await asNobody(() => scanner.metadataSweep());
  const { manifest } = scanner.tree;
  assert.equal(manifest.get('/tree/closed')?.unread, 'permission');
  assert.equal(manifest.get('/tree/closed/inner')?.unread, 'stale');
  assert.equal(manifest.get('/tree/closed/inner')?.sha256, hash('sha256', 'x'));
  assert.deepEqual(manifest.get('/tree/file'), {
    path: '/tree/file',
    type: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    size: 1,
    unread: 'permission',
  });
  assert.deepEqual(scanner.blindSpots, [{ path: '/tree/closed', reason: 'unreadable' }]);
  // Names can be listed in it, but nothing can be asked about them.
  chmodSync(tree.at('/tree/closed'), 0o744);
  await asNobody(() => scanner.metadataSweep());
  assert.equal(manifest.get('/tree/closed')?.unread, undefined);
  assert.equal(manifest.get('/tree/closed/inner')?.unread, 'stale');
  assert.deepEqual(scanner.blindSpots, [{ path: '/tree/closed', reason: 'unreadable' }]);
  await scanner.fullScan();
  assert.deepEqual(scanner.blindSpots, []);
  assert.equal((await scanner.metadataSweep()).unread, 0);
});

test('a sweep does not wait for a full scan that is held back by its read limit', async (t) => {
  const tree = makeTestTree(t, {});
  for (let i = 0; i < 40; i++) writeFileSync(tree.at(`/tree/${i}`), Buffer.alloc(200_000, i));
  const scanner = await scanned(t, tree);
  scanner.setScanLimit(1);
  const slow = scanner.fullScan();
  writeFileSync(tree.at('/tree/39'), 'changed');
  const start = performance.now();
  await scanner.metadataSweep();
  assert.equal(scanner.tree.manifest.get('/tree/39')?.sha256, hash('sha256', 'changed'));
  assert.ok(performance.now() - start < 2000, 'the sweep waited');
  scanner.setScanLimit(0);
  const { durationMs } = await slow;
  assert.ok(durationMs < 5000, 'the limit that was lifted still held');
  assert.equal(scanner.tree.manifest.get('/tree/39')?.sha256, hash('sha256', 'changed'));
});

test('a sweep waits for no full scan that has more files to read than it queues', async (t) => {
  const tree = makeTestTree(t);
  for (let i = 0; i < 300; i++) writeFileSync(tree.at(`/tree/${i}`), 'x'.repeat(1000));
  const scanner = await scanned(t, tree, { ...tree.options, maxQueuedScans: 100 });
  scanner.setScanLimit(0.01);
  const slow = scanner.fullScan();
  await sleep(300);
  const start = performance.now();
  await scanner.metadataSweep();
  assert.ok(performance.now() - start < 2000, 'the sweep waited');
  scanner.setScanLimit(0);
  await slow;
});

test('a sweep ends only when what it saw was read, by whomever', async (t) => {
  const tree = makeTestTree(t);
  const scanner = await scanned(t, tree, { ...tree.options, maxFileMib: 512 });
  writeFileSync(tree.at('/tree/large'), '');
  truncateSync(tree.at('/tree/large'), 256 * 1024 * 1024);
  const first = scanner.metadataSweep();
  await sleep(50);
  assert.equal(scanner.tree.manifest.get('/tree/large'), undefined, 'it is still read');
  await scanner.metadataSweep();
  assert.notEqual(scanner.tree.manifest.get('/tree/large'), undefined);
  await first;
});

test('waiting for reads leaves nothing behind at the signal that could end it', async () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) {
    const visit = newVisit('watch');
    visit.reading = 1;
    const read = whenRead(visit, signal);
    visit.reading = 0;
    visit.onRead?.();
    await read;
  }
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('a read limit is kept over all workers together', async (t) => {
  const tree = makeTestTree(t);
  for (let i = 0; i < 8; i++) writeFileSync(tree.at(`/tree/${i}`), Buffer.alloc(1024 * 1024, i));
  const scanner = await scanned(t, tree);
  scanner.setScanLimit(8);
  const { durationMs, bytes } = await scanner.fullScan();
  assert.equal(bytes, 8 * 1024 * 1024);
  assert.ok(durationMs > 800, `8 MiB at 8 MiB/s took ${durationMs} ms`);
});

test('a scan that is aborted or closed ends within a second, also when held back', async (t) => {
  const tree = makeTestTree(t);
  for (let i = 0; i < 8; i++) writeFileSync(tree.at(`/tree/${i}`), Buffer.alloc(1024 * 1024, i));
  const scanner = await scanned(t, tree);
  scanner.setScanLimit(0.1);
  const stop = new AbortController();
  const scan = scanner.fullScan(stop.signal);
  await sleep(100);
  const start = performance.now();
  stop.abort(new Error('enough'));
  await assert.rejects(scan, /enough/);
  await scanner[Symbol.asyncDispose]();
  assert.ok(performance.now() - start < 1000);
});

/** Writes `content` and says that it was long ago. */
function forge(file: string, content: string): Stats {
  writeFileSync(file, content);
  utimesSync(file, 1_700_000_000, 1_700_000_000);
  return statSync(file);
}

function replace(tree: TestTree, name: string, make: (path: string) => void): void {
  const path = tree.at(`/tree/${name}`);
  rmSync(path, { recursive: true });
  make(path);
}

/** Runs `act` without root's rights, on this thread and all others. */
async function asNobody(act: () => Promise<unknown>): Promise<void> {
  process.seteuid?.(65_534);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}
