/** The checks of the whole tree, as tests: what they print is the test's failure. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { repositoryRoot } from './repository.ts';

// Several threads check what they share several times: twice the processor time, which the other tests want.
test('the code has no type errors', () => check('tsc', '--noEmit', '--singleThreaded'));
test('the linter, type-aware, has nothing to say', () => check('oxlint', '--type-aware', '--deny-warnings'));
test('the code is formatted', () => check('biome', 'format'));

function check(tool: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${tool}`, args, {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${tool} ${args.join(' ')}\n${stdout}${stderr}`);
}
