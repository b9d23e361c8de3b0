import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
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
