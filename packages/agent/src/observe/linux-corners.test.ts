import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { needRoot } from '../../../../test/need.ts';
import { largeDirectoryBytes } from './surveyor.ts';
import { changesDuring, makeTestTree, scanned, type TestTree } from './test-tree.ts';

test('any name that Linux allows is recorded in its text form, and read', async (t) => {
  const tree = makeTestTree(t);
  const names: readonly (readonly [string | Buffer, string])[] = [
    ['new\nline', 'new%0Aline'],
    ['quote"\'`$&;', 'quote"\'`$&;'],
    ['100%', '100%25'],
    [' space ', ' space '],
    ['ünïcode', 'ünïcode'],
    ['rtl\u202egnp', 'rtl%E2%80%AEgnp'],
    [Buffer.from([0x41, 0xff, 0xfe]), 'A%FF%FE'],
    [Buffer.from([0xc3]), '%C3'],
    ['l'.repeat(255), 'l'.repeat(255)],
    ['-rf', '-rf'],
    ['\\134', '\\134'],
  ];
  const prefix = Buffer.from(`${tree.at('/tree')}/`);
  for (const [name] of names) writeFileSync(Buffer.concat([prefix, Buffer.from(name)]), name);
  const scanner = await scanned(t, tree);
  for (const [name, text] of names) {
    assert.equal(scanner.tree.manifest.get(`/tree/${text}`)?.sha256, hash('sha256', name), text);
  }
  assert.equal(scanner.tree.manifest.size, names.length + 1);
  // And looked at by name: nothing in the way there mangles it.
  writeFileSync(Buffer.concat([prefix, Buffer.from([0x41, 0xff, 0xfe])]), 'other');
  assert.deepEqual(await changesDuring(scanner, () => scanner.lookAt(['/tree/A%FF%FE'])), [
    '/tree/A%FF%FE file→file',
  ]);
});

test('directories with names that are not UTF-8 are walked', async (t) => {
  const tree = makeTestTree(t);
  const directory = Buffer.concat([Buffer.from(`${tree.at('/tree')}/`), Buffer.from([0xe9, 0x0a])]);
  mkdirSync(directory);
  writeFileSync(Buffer.concat([directory, Buffer.from('/inner')]), 'x');
  const { manifest } = (await scanned(t, tree)).tree;
  assert.equal(manifest.get('/tree/%E9%0A/inner')?.sha256, hash('sha256', 'x'));
});

test('a directory of many names is listed in steps, to the same end', async (t) => {
  const tree = makeTestTree(t);
  const prefix = Buffer.from(`${tree.at('/tree')}/${'long-name-'.repeat(20)}`);
  for (let i = 0; i < 1500; i++)
    writeFileSync(Buffer.concat([prefix, Buffer.from(`${i}\xff`, 'latin1')]), '');
  const scanner = await scanned(t, tree);
  assert.ok(statSync(tree.at('/tree')).size >= largeDirectoryBytes, 'large enough to be listed in steps');
  assert.equal(scanner.tree.manifest.size, 1501);
  assert.equal(scanner.tree.manifest.get(`/tree/${'long-name-'.repeat(20)}1499%FF`)?.size, 0);
  rmSync(Buffer.concat([prefix, Buffer.from('7\xff', 'latin1')]));
  assert.equal((await changesDuring(scanner, () => scanner.metadataSweep())).length, 1);
});

test('symlinks are recorded and never followed: dangling, looping, to a directory, out of the scope', async (t) => {
  const tree = makeTestTree(t);
  mkdirSync(tree.at('/tree/dir'));
  mkdirSync(tree.at('/outside'));
  writeFileSync(tree.at('/outside/secret'), 'secret');
  const links = {
    dangling: 'nowhere',
    loop: 'loop',
    self: '.',
    up: '..',
    out: '../outside',
    hostile: 'a\n%',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, tree.at(`/tree/dir/${name}`));
  const { manifest } = (await scanned(t, tree)).tree;
  assert.equal(manifest.size, 2 + Object.keys(links).length);
  for (const [name, target] of Object.entries(links)) {
    const entry = manifest.get(`/tree/dir/${name}`);
    assert.equal(entry?.type, 'symlink');
    assert.equal(entry?.target, target === 'a\n%' ? 'a%0A%25' : target);
  }
});

test('a root behind a symlink is not looked at, and said to be missing', async (t) => {
  const tree = makeTestTree(t, { paths: [{ path: '/link/etc' }] });
  mkdirSync(tree.at('/real/etc'), { recursive: true });
  writeFileSync(tree.at('/real/etc/file'), 'x');
  symlinkSync('real', tree.at('/link'));
  const scanner = await scanned(t, tree);
  assert.equal(scanner.tree.manifest.size, 0);
  assert.deepEqual(scanner.blindSpots, [{ path: '/link/etc', reason: 'missing' }]);
});

test('FIFOs, sockets and devices are recorded and never opened', { skip: needRoot() }, async (t) => {
  const tree = makeTestTree(t);
  assert.equal(spawnSync('mkfifo', [tree.at('/tree/fifo')]).status, 0);
  const server = createServer().listen(tree.at('/tree/socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const mknod = spawnSync('mknod', [tree.at('/tree/null'), 'c', '1', '3']);
  spawnSync('mknod', [tree.at('/tree/loop'), 'b', '7', '300']);
  const { manifest } = (await scanned(t, tree)).tree;
  assert.equal(manifest.get('/tree/fifo')?.type, 'fifo');
  assert.equal(manifest.get('/tree/socket')?.type, 'socket');
  if (mknod.status !== 0) return t.diagnostic(`no devices: ${mknod.stderr.toString()}`);
  assert.deepEqual(
    [manifest.get('/tree/null')?.type, manifest.get('/tree/null')?.device],
    ['character-device', '1:3'],
  );
  assert.deepEqual(
    [manifest.get('/tree/loop')?.type, manifest.get('/tree/loop')?.device],
    ['block-device', '7:300'],
  );
});

test('empty, sparse and hard-linked files are read; a file above the size limit is not', async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/empty'), '');
  writeFileSync(tree.at('/tree/sparse'), '');
  truncateSync(tree.at('/tree/sparse'), 1024 * 1024);
  writeFileSync(tree.at('/tree/one'), 'linked');
  linkSync(tree.at('/tree/one'), tree.at('/tree/two'));
  writeFileSync(tree.at('/tree/large'), '');
  truncateSync(tree.at('/tree/large'), 1024 * 1024 + 1);
  const { manifest } = (await scanned(t, tree)).tree;
  assert.equal(manifest.get('/tree/empty')?.sha256, hash('sha256', ''));
  assert.equal(manifest.get('/tree/sparse')?.sha256, hash('sha256', Buffer.alloc(1024 * 1024)));
  assert.equal(manifest.get('/tree/two')?.sha256, hash('sha256', 'linked'));
  const large = manifest.get('/tree/large');
  assert.deepEqual([large?.unread, large?.sha256, large?.size], ['too-large', undefined, 1024 * 1024 + 1]);
});

test('directories nested 200 deep are walked to the bottom, and go as one', async (t) => {
  const tree = makeTestTree(t);
  const deep = `/tree${'/d'.repeat(200)}`;
  mkdirSync(tree.at(deep), { recursive: true });
  writeFileSync(tree.at(`${deep}/bottom`), 'x');
  const scanner = await scanned(t, tree);
  assert.equal(scanner.tree.manifest.size, 202);
  rmSync(tree.at('/tree/d'), { recursive: true });
  assert.equal((await changesDuring(scanner, () => scanner.metadataSweep())).length, 201);
  assert.equal(scanner.tree.manifest.size, 1);
});

test('only what the scope takes in is recorded, also below what it leaves out', async (t) => {
  const tree = makeTestTree(t, {
    paths: [
      { path: '/tree' },
      { path: '/tree/left-out/kept' },
      { path: '/tree/light', attributes: ['type', 'mode'] },
    ],
    exclude: ['/tree/left-out', '/tree/*.log'],
  });
  mkdirSync(tree.at('/tree/left-out/other'), { recursive: true });
  for (const name of ['left-out/kept', 'left-out/other/x', 'a.log', 'a', 'light']) {
    writeFileSync(tree.at(`/tree/${name}`), 'x', { mode: 0o600 });
  }
  const scanner = await scanned(t, tree);
  const paths = [...scanner.tree.manifest.entries()].map((entry) => entry.path).sort();
  assert.deepEqual(paths, ['/tree', '/tree/a', '/tree/left-out/kept', '/tree/light']);
  assert.deepEqual(scanner.tree.manifest.get('/tree/light'), {
    path: '/tree/light',
    type: 'file',
    mode: 0o600,
  });
  rmSync(tree.at('/tree/left-out'), { recursive: true });
  assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
    '/tree/left-out/kept file→none',
  ]);
});

test('a missing root and an empty root are blind spots with their reasons, until they fill', async (t) => {
  const tree = makeTestTree(t, { paths: [{ path: '/tree' }, { path: '/gone' }] });
  writeFileSync(tree.at('/tree/file'), 'x');
  const scanner = await scanned(t, tree);
  assert.deepEqual(scanner.blindSpots, [{ path: '/gone', reason: 'missing' }]);
  rmSync(tree.at('/tree/file'));
  mkdirSync(tree.at('/gone'));
  await scanner.metadataSweep();
  assert.deepEqual(scanner.blindSpots, [
    { path: '/gone', reason: 'empty' },
    { path: '/tree', reason: 'empty' },
  ]);
  writeFileSync(tree.at('/tree/file'), 'x');
  writeFileSync(tree.at('/gone/file'), 'x');
  const revision = scanner.tree.blindSpotsRevision;
  await scanner.metadataSweep();
  assert.deepEqual(scanner.blindSpots, []);
  assert.notEqual(scanner.tree.blindSpotsRevision, revision);
});

for (const [name, lose] of Object.entries({
  empty: (tree: TestTree) => rmSync(tree.at('/tree/file')),
  missing: (tree: TestTree) => rmSync(tree.at('/tree'), { recursive: true }),
})) {
  test(`a root that events leave ${name} is known to be so before the first removal is told`, async (t) => {
    const tree = makeTestTree(t);
    writeFileSync(tree.at('/tree/file'), 'x');
    const scanner = await scanned(t, tree);
    let blindWhenTold: unknown;
    scanner.feed.subscribe(() => (blindWhenTold ??= scanner.blindSpots));
    lose(tree);
    await scanner.lookAt(['/tree/file']);
    assert.deepEqual(blindWhenTold, [{ path: '/tree', reason: name }]);
  });
}
