import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScope, ScopeError } from './scope.ts';

/** Scope files as people write them wrong, and what they are told. */
const cases: readonly [yaml: string, ...problems: string[]][] = [
  ['version: 1\npaths:\n - path: /etc\n   attribute: [mode]\n', '/paths/0/attribute: is not known here'],
  ['version: 2\npaths: []\n', '/version: must be 1', '/paths: must have at least 1'],
  ['paths: /etc\n', '/: lacks version', '/paths: must be a list'],
  ['- /etc\n', '/: must be a mapping of names to values'],
  ['version: 1\npaths:\n - /etc\n', '/paths/0: must be a mapping of names to values'],
  [
    'version: 1\npaths:\n - path: /etc\n   attributes: [sha1]\n',
    '/paths/0/attributes/0: must be one of type, mode, uid, gid, sha256, target, device',
  ],
];

for (const [yaml, ...problems] of cases) {
  test(`says in plain words what is wrong with ${JSON.stringify(yaml)}`, () => {
    assert.throws(
      () => parseScope(yaml),
      (error: unknown) => {
        assert.ok(error instanceof ScopeError);
        assert.deepEqual([...error.problems], problems);
        return true;
      },
    );
  });
}
