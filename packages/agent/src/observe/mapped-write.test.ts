import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needTool } from '../../../../test/need.ts';
import { makeTestTree, scanned } from './test-tree.ts';

const source = join(import.meta.dirname, '../../../../test/harness/map-write.c');

test('a write through a mapping, of which no event tells, is found by a sweep', {
  skip: needTool('cc', 'apt-get install -y gcc libc6-dev'),
}, async (t) => {
  const tree = makeTestTree(t);
  writeFileSync(tree.at('/tree/file'), 'before');
  execFileSync('cc', ['-o', tree.at('/map-write'), source]);
  const scanner = await scanned(t, tree);
  execFileSync(tree.at('/map-write'), [tree.at('/tree/file')]);
  await scanner.metadataSweep();
  assert.equal(scanner.tree.manifest.get('/tree/file')?.sha256, hash('sha256', 'Xefore'));
});
