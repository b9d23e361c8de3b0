/** What `npm test` makes of a test that fails, is skipped, or is not there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './repository.ts';

const cases = [
  ['passes', '', 0, 0],
  ['fails', '{ throw new Error("no"); }', 1, 1],
  ['is skipped', '{ t.skip("needs a tool"); }', 0, 1],
  ['ends its process', '{ process.exit(7); }', 1, 1],
] as const;

for (const [what, body, code, codeUnderCi] of cases) {
  test(`a test that ${what} makes npm test end with ${code}, and with ${codeUnderCi} under CI`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-runner-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const source = `import { test } from 'node:test';\ntest('one', (t) => { void t; ${body} });\n`;
    await writeFile(join(directory, 'one.test.ts'), source);
    assert.equal(npmTest([directory], '').status, code);
    const underCi = npmTest([directory], 'true');
    assert.equal(underCi.status, codeUnderCi);
    if (what === 'is skipped')
      assert.match(underCi.stdout, /Skipped, which is a failure under CI:\n {2}one: needs/);
  });
}

test('a path that matches no test is refused, also beside one that does', () => {
  for (const paths of [['no/such/path'], ['--help'], ['packages/shared', 'no/such/path']]) {
    const { status, stderr } = npmTest(paths, '');
    assert.equal(status, 1);
    assert.match(stderr, /^no test matches /);
  }
});

function npmTest(paths: readonly string[], ci: string) {
  // NODE_TEST_CONTEXT would tell the runner that it runs within itself, and make it run nothing.
  const env = { ...process.env, CI: ci, NODE_TEST_CONTEXT: undefined };
  return spawnSync(process.execPath, ['scripts/test.ts', ...paths], {
    cwd: repositoryRoot,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
}
