import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Manifest } from '@holdfast/shared/manifest';
import { checkScope, scopeDigest } from '@holdfast/shared/scope';
import { createBaseline, readBaseline, replaceBaseline } from './baseline-file.ts';

const scope = checkScope({ version: 1, paths: [{ path: '/etc' }] });
const document = {
  scope,
  acceptedAt: '2027-01-02T03:04:05.678Z',
  manifest: new Manifest(scopeDigest(scope), [{ path: '/etc', type: 'directory' }]),
};
const later = { ...document, acceptedAt: '2028-01-02T03:04:05.678Z' };

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-baseline-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a new baseline is private, whole, and leaves nothing beside it', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'baseline');
  await createBaseline(path, document, false);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(directory), ['baseline']);
  assert.equal((await readBaseline(path)).manifest.digest(), document.manifest.digest());
});

test('an existing file is not overwritten, whatever it is', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'precious');
  await writeFile(path, 'precious');
  await assert.rejects(createBaseline(path, document, false), { code: 'baseline-exists' });
  assert.equal(await readFile(path, 'utf8'), 'precious');
  const link = join(directory, 'link');
  await symlink('nowhere', link);
  await assert.rejects(createBaseline(link, document, false), { code: 'baseline-exists' });
  assert.deepEqual((await readdir(directory)).sort(), ['link', 'precious']);
});

test('force replaces what is there', async (t) => {
  const path = join(await temporaryDirectory(t), 'baseline');
  await writeFile(path, 'old');
  await createBaseline(path, document, true);
  assert.equal((await readBaseline(path)).acceptedAt, document.acceptedAt);
});

test('a replaced baseline keeps its permissions, and a symlink to it stays one', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'baseline');
  await createBaseline(path, document, false);
  await chmod(path, 0o640);
  await symlink('baseline', join(directory, 'current'));
  await replaceBaseline(join(directory, 'current'), later);
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  assert.equal((await readBaseline(path)).acceptedAt, later.acceptedAt);
  assert.deepEqual((await readdir(directory)).sort(), ['baseline', 'current']);
});

test('what cannot be read as a baseline is an error that names the file', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'baseline');
  await assert.rejects(readBaseline(path), { code: 'baseline-unreadable', message: /init/ });
  await writeFile(path, '');
  await assert.rejects(readBaseline(path), { code: 'damaged-baseline', message: new RegExp(path) });
  await mkdir(join(directory, 'd'));
  await assert.rejects(readBaseline(join(directory, 'd')), { code: 'damaged-baseline' });
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  await assert.rejects(readBaseline(join(directory, 'fifo')), { code: 'damaged-baseline' });
});

test('a directory that is not there is named as such', async (t) => {
  const path = join(await temporaryDirectory(t), 'no', 'baseline');
  await assert.rejects(createBaseline(path, document, false), {
    code: 'baseline-unwritable',
    message: /ENOENT/,
  });
});
