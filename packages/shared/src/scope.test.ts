import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkScope,
  compileScope,
  maxScopeTextLength,
  parseScope,
  ScopeError,
  scopeDigest,
} from './scope.ts';

const problemsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ScopeError, String(error));
    return error.problems;
  }
  return [];
};

const compiled = (paths: readonly string[], exclude: readonly string[] = []) =>
  compileScope({ version: 1, paths: paths.map((path) => ({ path })), exclude: [...exclude] });

test('a rule takes in what it names and everything below, and nothing beside', () => {
  const scope = compiled(['/etc', '/usr/bin/env']);
  for (const path of ['/etc', '/etc/a', '/etc/a/b', '/usr/bin/env']) assert.ok(scope.match(path), path);
  for (const path of ['/', '/etc2', '/et', '/usr', '/usr/bin', '/usr/bin/env2']) {
    assert.equal(scope.match(path), null, path);
  }
});

test('of a rule and an exclude that both match, the longer literal prefix wins', () => {
  const scope = compiled(['/etc', '/etc/containerd/config.toml'], ['/etc/containerd/**']);
  assert.ok(scope.match('/etc/containerd'), 'the directory itself is not below itself');
  assert.equal(scope.match('/etc/containerd/certs.d'), null);
  assert.equal(scope.match('/etc/containerd/config.toml2'), null);
  assert.equal(scope.match('/etc/containerd/config.toml')?.path, '/etc/containerd/config.toml');
  assert.ok(scope.leadsToRule('/etc/containerd'));
  assert.ok(!scope.leadsToRule('/etc/containerd/certs.d'));
});

test('the exclude wins a tie', () => {
  const scope = compiled(['/etc/a', '/etc/b'], ['/etc/a', '/etc/b*']);
  assert.equal(scope.match('/etc/a'), null);
  assert.equal(scope.match('/etc/a/b'), null);
  assert.equal(scope.match('/etc/b'), null);
});

test('a rule that an exclude takes out is refused, since nothing would watch it', () => {
  const paths = [{ path: '/etc' }, { path: '/etc/a' }, { path: '/etc/b' }, { path: '/etc/a/kept' }];
  const check = (exclude: string[]) => problemsOf(() => checkScope({ version: 1, paths, exclude }));
  assert.deepEqual(check(['/etc/x', '/etc/a', '/etc/b*']), [
    '/paths/1/path: is taken out by /exclude/1 (got "/etc/a")',
    '/paths/2/path: is taken out by /exclude/2 (got "/etc/b")',
  ]);
  assert.deepEqual(check(['/etc/a/**', '/etc/*', '/**', '/etc/b/*']), []);
});

test('an exclude with a short prefix does not reach into a longer rule', () => {
  const scope = compiled(['/etc', '/etc/systemd/system'], ['/etc/**/*.bak']);
  assert.equal(scope.match('/etc/a/x.bak'), null);
  assert.ok(scope.match('/etc/systemd/system/x.bak'));
});

test('an exclude may be an alternative or a class, with the prefix before it', () => {
  const scope = compiled(['/etc'], ['/etc/{mtab,adjtime}', '/etc/.*.sw[a-p]']);
  for (const path of ['/etc/mtab', '/etc/adjtime', '/etc/.x.swp'])
    assert.equal(scope.match(path), null, path);
  for (const path of ['/etc/mtab2', '/etc/.x.swz']) assert.ok(scope.match(path), path);
});

test('of nested rules the longest says which attributes count', () => {
  const scope = compileScope(
    checkScope({
      version: 1,
      paths: [
        { path: '/' },
        { path: '/etc', attributes: ['type', 'mode'] },
        { path: '/etc/ssh', enterMounts: true },
      ],
    }),
  );
  assert.deepEqual([...(scope.match('/etc/a')?.attributes ?? [])], ['type', 'mode']);
  assert.ok(scope.match('/etc/ssh/a')?.attributes.has('sha256'));
  assert.equal(scope.match('/etc/ssh/a')?.enterMounts, true);
  assert.equal(scope.match('/etc/a')?.enterMounts, false);
  assert.equal(scope.match('/usr/bin')?.path, '/');
});

test('walks start at rules that lie in no other rule', () => {
  const scope = compiled(['/usr/bin', '/etc/ssh', '/etc', '/var/lib/kubelet/config.yaml']);
  assert.deepEqual(scope.roots, ['/etc', '/usr/bin', '/var/lib/kubelet/config.yaml']);
  assert.ok(scope.isRoot('/etc/ssh'));
  assert.ok(!scope.isRoot('/etc/a'));
});

test('the digest covers the meaning, not the order or the form', () => {
  const one = parseScope(`version: 1
paths:
  - {path: /etc, attributes: [mode, type, type]}
  - path: /usr
exclude: [/etc/a, /etc/b, /etc/a]`);
  const other = parseScope(`# the same
exclude:
  - /etc/b
  - /etc/a
paths:
  - path: /usr
    enterMounts: false
    attributes: [device, target, sha256, gid, uid, mode, type]
  - path: /etc
    attributes: [type, mode]
version: 1`);
  assert.equal(scopeDigest(one), scopeDigest(other));
  const none = parseScope('{version: 1, paths: [{path: /etc}]}');
  assert.equal(scopeDigest(none), scopeDigest({ ...none, exclude: [] }));
});

test('the digest moves with everything that is meant', () => {
  const digests = [
    '{version: 1, paths: [{path: /etc}]}',
    '{version: 1, paths: [{path: /etc2}]}',
    '{version: 1, paths: [{path: /etc}, {path: /usr}]}',
    '{version: 1, paths: [{path: /etc}], exclude: [/usr]}',
    '{version: 1, paths: [{path: /etc, attributes: [type]}]}',
    '{version: 1, paths: [{path: /etc, enterMounts: true}]}',
  ].map((text) => scopeDigest(parseScope(text)));
  assert.equal(new Set(digests).size, digests.length);
});

test('all problems are told at once, each with its place', () => {
  const problems = problemsOf(() =>
    parseScope(`version: 1
paths: [{path: etc}, {path: /usr/}, {path: /a/../b}, {path: /c}, {path: /c}]
exclude: [relative, "/a/{b", "/ok/*"]`),
  );
  assert.deepEqual(
    problems.map((problem) => problem.split(':')[0]),
    ['/paths/0/path', '/paths/1/path', '/paths/2/path', '/paths/4/path', '/exclude/0', '/exclude/1'],
  );
});

test('what is not a scope is refused, whatever it is', () => {
  const refused = [
    '',
    'null',
    '[]',
    'version: 2\npaths: [{path: /etc}]',
    'version: 1',
    'version: 1\npaths: []',
    'version: 1\npaths: [/etc]',
    'version: 1\npaths: [{path: /etc}]\nexcludes: []', // a misspelt key must not pass for "no excludes"
    'version: 1\npaths: [{path: /etc, atributes: [type]}]',
    'version: 1\npaths: [{path: /etc, attributes: []}]',
    'version: 1\npaths: [{path: /etc, attributes: [mtime]}]',
    'version: 1\nversion: 1\npaths: [{path: /etc}]',
    'version: 1\npaths: [{path: /etc}',
    'version: 1\npaths: [{path: 5}]',
    'version: 1\npaths: [{path: /etc}]\n---\nversion: 1\npaths: [{path: /usr}]',
    'version: 1\npaths: [*nobody]',
    'version: 1\npaths: [{path: /etc}]\n__proto__: {}',
    'version: 1\npaths: !!binary aGVsbG8=',
    `version: 1\npaths: [{path: /etc}]\n#${'x'.repeat(maxScopeTextLength)}`,
    // Aliases of aliases: a few hundred bytes that stand for 10^9 elements.
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, i) => `${name}: &${name} [${`*${'abcdefghi'[i]},`.repeat(10)}]`)
      .join('\n')}`,
  ];
  for (const text of refused) {
    assert.notDeepEqual(
      problemsOf(() => parseScope(text)),
      [],
      text.slice(0, 80),
    );
  }
});
