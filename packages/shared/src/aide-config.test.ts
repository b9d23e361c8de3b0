import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aideConfig, aideConfigDigest, usualDialect } from './aide-config.ts';
import { defaultScope } from './default-scope.ts';
import type { Scope } from './scope.ts';

const etc: Scope = { version: 1, paths: [{ path: '/etc' }] };

function configOf(scope: Scope, more: { hostRoot?: string; mounts?: string[] } = {}): string {
  return aideConfig({ scope, dialect: usualDialect, hostRoot: '/', mounts: [], ...more });
}

function rulesOf(config: string): string[] {
  return config.split('\n').filter((line) => /^[!/]/.test(line));
}

test('size and links count for files alone, where no new file changes its parent', () => {
  assert.deepEqual(rulesOf(configOf(etc)), [
    '/etc(?:/|\\\\z) f ftype+p+u+g+sha256+s+n+acl+xattrs+caps+selinux+e2fsattrs',
    '/etc(?:/|\\\\z) d,l,c,b,p,s ftype+p+u+g+l+acl+xattrs+caps+selinux',
  ]);
});

test('no rule ends in $, and no hash goes by the name of a group', () => {
  for (const rule of rulesOf(configOf(defaultScope()))) {
    assert.doesNotMatch(rule, /\$/);
    assert.match(rule, /^!|sha256|calico-kubeconfig| d,l,c,b,p,s /);
    assert.doesNotMatch(rule, /\+[A-Z]|md5|sha1\b/);
  }
});

test('an exclude that lies above a rule is an exception, any other a negative rule', () => {
  const scope: Scope = {
    version: 1,
    paths: [{ path: '/etc' }, { path: '/etc/a/b' }],
    exclude: ['/etc/a/**', '/etc/x*'],
  };
  const [negative, deeper, , upper] = rulesOf(configOf(scope));
  assert.equal(negative, '!/etc/x[^/]*(?:/|\\\\z)');
  assert.match(deeper!, /^\/etc\/a\/b\(/);
  assert.match(upper!, /^\/etc\(\?!\(\?:\/a\/\[\^\/\]\*\)/);
});

test('a name takes no part in the syntax of rules', () => {
  const [rule] = rulesOf(configOf({ version: 1, paths: [{ path: '/etc/a b@c\\d%0Ae.é' }] }));
  assert.ok(rule!.startsWith('/etc/a[\\\\x20]b[\\\\x40]c[\\\\x5c]d[\\\\x0a]e\\\\.é(?:/|\\\\z) f '), rule);
});

test('other file systems that walks do not enter are left out', () => {
  assert.equal(rulesOf(configOf(etc, { mounts: ['/etc/nfs'] }))[0], '!/etc/nfs(?:/|\\\\z)');
});

test('the digest covers what is looked at, and not where', () => {
  const digest = aideConfigDigest(configOf(etc));
  assert.equal(aideConfigDigest(configOf(etc, { hostRoot: '/host' })), digest);
  assert.equal(aideConfigDigest(configOf(etc).replace('num_workers=1', 'num_workers=4')), digest);
  for (const weaker of [
    configOf(etc).replace('+sha256', ''),
    configOf(etc).replace(/^\/etc.* f .*\n/m, ''),
    configOf(etc).replace('report_level=added_removed_entries', 'report_level=minimal'),
    configOf(etc, { mounts: ['/etc/ssh'] }),
    configOf({ ...etc, exclude: ['/etc/ssh'] }),
  ]) {
    assert.notEqual(aideConfigDigest(weaker), digest);
  }
});
