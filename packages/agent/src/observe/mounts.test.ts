import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { linkSync, mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { needMount } from '../../../../test/need.ts';
import { changesDuring, makeTestTree, scanned, type TestTree } from './test-tree.ts';

const skip = needMount();

test('a file system that is mounted in the scope is recorded as such and not entered', {
  skip,
}, async (t) => {
  const tree = makeTestTree(t);
  mkdirSync(tree.at('/tree/sp ace\n'));
  mount(tree, tree.at('/tree/sp ace\n'), '-t', 'tmpfs', 'holdfast-test');
  writeFileSync(tree.at('/tree/sp ace\n/inner'), 'x');
  const scanner = await scanned(t, tree);
  assert.deepEqual(scanner.tree.manifest.get('/tree/sp ace%0A'), { path: '/tree/sp ace%0A', type: 'mount' });
  assert.equal(scanner.tree.manifest.size, 2);
  assert.deepEqual(scanner.blindSpots, [{ path: '/tree/sp ace%0A', reason: 'mount' }]);
});

test('a bind mount of the same file system is a mount too; a file that is mounted is read like any other', {
  skip,
}, async (t) => {
  const tree = makeTestTree(t);
  for (const name of ['source', 'tree/dir']) mkdirSync(tree.at(`/${name}`));
  for (const name of ['source/inner', 'tree/file']) writeFileSync(tree.at(`/${name}`), name);
  mount(tree, tree.at('/tree/dir'), '--bind', tree.at('/source'));
  mount(tree, tree.at('/tree/file'), '--bind', tree.at('/source/inner'));
  const scanner = await scanned(t, tree);
  const types = [...scanner.tree.manifest.entries()].map((entry) => `${entry.path} ${entry.type}`);
  assert.deepEqual(types.sort(), ['/tree directory', '/tree/dir mount', '/tree/file file']);
  assert.equal(scanner.tree.manifest.get('/tree/file')?.sha256, hash('sha256', 'source/inner'));
});

test('a mount that comes and goes is seen by sweeps, and what it hid comes back', { skip }, async (t) => {
  const tree = makeTestTree(t);
  mkdirSync(tree.at('/tree/dir'));
  writeFileSync(tree.at('/tree/dir/file'), 'x');
  const scanner = await scanned(t, tree);
  const unmount = mount(tree, tree.at('/tree/dir'), '-t', 'tmpfs', 'holdfast-test');
  assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
    '/tree/dir directory→mount',
    '/tree/dir/file file→none',
  ]);
  assert.deepEqual(scanner.blindSpots, [{ path: '/tree/dir', reason: 'mount' }]);
  unmount();
  assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
    '/tree/dir mount→directory',
    '/tree/dir/file none→file',
  ]);
  assert.deepEqual(scanner.blindSpots, []);
});

test('a mount is entered where the scope says so, and where it names the place itself', {
  skip,
}, async (t) => {
  const tree = makeTestTree(t, { paths: [{ path: '/tree', enterMounts: true }, { path: '/named' }] });
  for (const name of ['tree/inside', 'named']) mkdirSync(tree.at(`/${name}`));
  mount(tree, tree.at('/tree/inside'), '-t', 'tmpfs', 'holdfast-test');
  mount(tree, tree.at('/named'), '-t', 'tmpfs', 'holdfast-test');
  for (const name of ['tree/inside', 'named']) writeFileSync(tree.at(`/${name}/file`), name);
  const scanner = await scanned(t, tree);
  assert.equal(scanner.tree.manifest.get('/tree/inside/file')?.sha256, hash('sha256', 'tree/inside'));
  assert.equal(scanner.tree.manifest.get('/named/file')?.sha256, hash('sha256', 'named'));
  assert.deepEqual(scanner.blindSpots, []);
});

for (const named of ['/tree/config', '/tree']) {
  test(`a bind-mounted file that the host replaces is detached, not clean; the scope names ${named}`, {
    skip,
  }, async (t) => {
    const tree = makeTestTree(t, { paths: [{ path: named }] });
    writeFileSync(tree.at('/on-host'), 'v1');
    writeFileSync(tree.at('/tree/config'), '');
    mount(tree, tree.at('/tree/config'), '--bind', tree.at('/on-host'));
    const scanner = await scanned(t, tree);
    assert.equal(scanner.tree.manifest.get('/tree/config')?.sha256, hash('sha256', 'v1'));
    writeFileSync(tree.at('/new'), 'v2');
    renameSync(tree.at('/new'), tree.at('/on-host'));
    assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
      '/tree/config file→detached',
    ]);
    assert.equal(scanner.tree.manifest.get('/tree/config')?.sha256, undefined);
  });
}

test('a mounted file is detached although the inode that it shows has other names, or a new one', {
  skip,
}, async (t) => {
  const tree = makeTestTree(t);
  for (const name of ['linked', 'moved']) {
    writeFileSync(tree.at(`/${name}`), 'v1');
    writeFileSync(tree.at(`/tree/${name}`), '');
    mount(tree, tree.at(`/tree/${name}`), '--bind', tree.at(`/${name}`));
  }
  linkSync(tree.at('/linked'), tree.at('/backup'));
  const scanner = await scanned(t, tree);
  writeFileSync(tree.at('/new'), 'v2');
  renameSync(tree.at('/new'), tree.at('/linked'));
  renameSync(tree.at('/moved'), tree.at('/moved.old'));
  writeFileSync(tree.at('/moved'), 'v2');
  assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
    '/tree/linked file→detached',
    '/tree/moved file→detached',
  ]);
  await scanner.fullScan();
  assert.equal(scanner.tree.manifest.get('/tree/moved')?.unread, 'detached');
  renameSync(tree.at('/moved.old'), tree.at('/moved'));
  assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
    '/tree/moved detached→file',
  ]);
});

test('what is mounted anew on the same place is not detached', { skip }, async (t) => {
  const tree = makeTestTree(t);
  for (const name of ['one', 'two', 'tree/config']) writeFileSync(tree.at(`/${name}`), name);
  const unmount = mount(tree, tree.at('/tree/config'), '--bind', tree.at('/one'));
  const scanner = await scanned(t, tree);
  unmount();
  mount(tree, tree.at('/tree/config'), '--bind', tree.at('/two'));
  await scanner.metadataSweep();
  assert.equal(scanner.tree.manifest.get('/tree/config')?.sha256, hash('sha256', 'two'));
});

for (const [place, root] of [
  ['/tree', '/tree'],
  ['/above', '/above/tree'],
] as const) {
  test(`a directory that is mounted on ${place} and that the host replaces hides ${root}`, {
    skip,
  }, async (t) => {
    const tree = makeTestTree(t, { paths: [{ path: root }] });
    mkdirSync(tree.at(place), { recursive: true });
    const source = `/on-host${root.slice(place.length)}`;
    mkdirSync(tree.at(source), { recursive: true });
    writeFileSync(tree.at(`${source}/file`), 'v1');
    mount(tree, tree.at(place), '--bind', tree.at('/on-host'));
    const scanner = await scanned(t, tree);
    assert.equal(scanner.tree.manifest.get(`${root}/file`)?.unread, undefined);
    renameSync(tree.at('/on-host'), tree.at('/old'));
    mkdirSync(tree.at('/on-host'));
    assert.deepEqual(await changesDuring(scanner, () => scanner.metadataSweep()), [
      `${root} directory→detached`,
      `${root}/file file→stale`,
    ]);
    assert.deepEqual(scanner.blindSpots, [{ path: root, reason: 'unreadable' }]);
    rmdirSync(tree.at('/on-host'));
    renameSync(tree.at('/old'), tree.at('/on-host'));
    await scanner.metadataSweep();
    assert.deepEqual(scanner.blindSpots, []);
    assert.equal((await scanner.metadataSweep()).unread, 0);
  });
}

/** Returns the way to unmount; the test's end does it otherwise. */
function mount(tree: TestTree, target: string, ...how: string[]): () => void {
  const { status, stderr } = spawnSync('mount', [...how, target]);
  assert.equal(status, 0, stderr.toString());
  let isMounted = true;
  const unmount = (): void => {
    if (isMounted) spawnSync('umount', ['--lazy', target]);
    isMounted = false;
  };
  tree.undo.push(unmount);
  return unmount;
}
