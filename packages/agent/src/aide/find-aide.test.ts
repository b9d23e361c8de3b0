import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needTool } from '../../../../test/need.ts';
import { type FoundAide, findAide } from './find-aide.ts';

const skip = needTool('aide', 'apt-get install -y aide');
const usualPath = process.env['PATH'] ?? '';

/** Programs of a test come before those of the machine. */
async function find(
  t: TestContext,
  programs: Readonly<Record<string, string>>,
  path = usualPath,
): Promise<FoundAide> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-find-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, lines] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }
  return await findAide(
    { binary: null, searchPath: [directory, path].join(delimiter) },
    AbortSignal.timeout(30_000),
  );
}

test('the version, what it sees, and how it takes names are asked of the program', { skip }, async (t) => {
  const found = await find(t, {});
  assert.equal(found.kind, 'found');
  assert.match(found.kind === 'found' ? found.aide.version : '', /^0\.\d+/);
  assert.ok(found.kind === 'found' && found.aide.dialect.attributes.includes('acl'));
});

test('a sandbox that refuses what is to be run before AIDE is gone along with', { skip }, async (t) => {
  const wrappers = async (programs: Readonly<Record<string, string>>): Promise<string> => {
    const found = await find(t, programs);
    return found.kind === 'found' ? found.aide.program.wrappers.join(' ') : found.kind;
  };
  const refuses = 'echo "Operation not permitted" >&2; exit 1';
  assert.match(await wrappers({ ionice: refuses }), /^\S*\/setpriv --pdeathsig KILL --$/);
  assert.match(await wrappers({ setpriv: refuses }), /^\S*\/ionice -c 3$/);
  assert.equal(await wrappers({ setpriv: refuses, ionice: refuses }), '');
});

test('what is no AIDE, or one of before 0.18, is not used', async (t) => {
  const reasonOf = async (lines: string): Promise<string> => {
    const found = await find(t, { aide: lines }, '');
    return found.kind === 'unusable' ? found.reason : found.kind;
  };
  assert.match(await reasonOf('echo "Aide 0.16.1"'), /came with 0\.18/);
  assert.match(await reasonOf('echo hello'), /does not say which version/);
  assert.match(await reasonOf('echo "AIDE 0.18.3"; exit 1'), /does not say/);
  assert.equal((await find(t, {}, '')).kind, 'absent');
});

test('a build without ACLs, and one that takes names for UTF-8, are known', async (t) => {
  const found = await find(
    t,
    {
      aide: 'case "$*" in *version*) printf "AIDE 0.19.3\\n\\nAvailable compiled-in attributes:\\nacl: no\\nxattrs: yes\\n\\nx\\n";; *) exit 1;; esac',
    },
    '/bin',
  );
  assert.deepEqual(found.kind === 'found' && [found.aide.version, found.aide.dialect], [
    '0.19.3',
    { names: 'utf8', attributes: ['xattrs'] },
  ]);
});
