import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlob, globProblem, maxGlobLength } from './glob.ts';

test('what a glob takes in, and what it leaves out', () => {
  const cases: readonly (readonly [
    glob: string,
    takesIn: readonly string[],
    leavesOut: readonly string[],
  ])[] = [
    ['/', ['/', '/etc'], []],
    ['/etc/ssh', ['/etc/ssh', '/etc/ssh/a/b'], ['/etc', '/etc/ssh2']],
    ['/etc/*', ['/etc/a', '/etc/.a', '/etc/a/b'], ['/etc', '/etc2/a']],
    ['/etc/**', ['/etc/a', '/etc/.a', '/etc/a/b'], ['/etc', '/etc2']],
    ['/etc/**/**', ['/etc/a', '/etc/a/b'], ['/etc']],
    ['/**', ['/a', '/a/b'], ['/']],
    ['/etc/**/x', ['/etc/x', '/etc/a/x', '/etc/a/b/x', '/etc/a/x/y'], ['/etc', '/etc/ax', '/etc/a/xb']],
    ['/**/a/**/b', ['/a/b', '/x/a/y/z/b'], ['/b/a', '/ab']],
    ['/etc/*.conf', ['/etc/a.conf', '/etc/.conf', '/etc/a.conf/b'], ['/etc/a.conf.d', '/etc/a/b.conf']],
    ['/etc/a*b*c', ['/etc/abc', '/etc/a1b2c', '/etc/abbcc'], ['/etc/ab', '/etc/acb', '/etc/abcd']],
    ['/etc/a**b', ['/etc/ab', '/etc/axb'], ['/etc/a/b']],
    ['/etc/a?', ['/etc/ab', '/etc/aé', '/etc/a😀'], ['/etc/a', '/etc/abc', '/etc/a/b']],
    ['/etc/*?😀', ['/etc/a😀', '/etc/abé😀'], ['/etc/😀', '/etc/a']],
    ['/etc/[a-c]x', ['/etc/ax', '/etc/cx'], ['/etc/dx', '/etc/x']],
    ['/etc/[!a]x', ['/etc/bx', '/etc/éx'], ['/etc/ax', '/etc/x']],
    ['/etc/[^a-b]', ['/etc/c'], ['/etc/a', '/etc/b']],
    ['/etc/[]x]', ['/etc/]', '/etc/x'], ['/etc/[']],
    ['/etc/[a\\]]', ['/etc/]', '/etc/a'], ['/etc/\\']],
    ['/etc/[a-]', ['/etc/-', '/etc/a'], ['/etc/b']],
    ['/etc/{a,b}x', ['/etc/ax', '/etc/bx'], ['/etc/x', '/etc/a']],
    ['/etc/{a/b,c*}', ['/etc/a/b', '/etc/cd'], ['/etc/a', '/etc/b']],
    ['/etc/{,a}x', ['/etc/x', '/etc/ax'], ['/etc/bx']],
    ['/{etc,usr}/{a,b}', ['/etc/a', '/usr/b'], ['/etc', '/a']],
    ['/etc/a\\*', ['/etc/a*'], ['/etc/ab', '/etc/a\\*']],
    ['/etc/\\{a\\}*', ['/etc/{a}', '/etc/{a}b'], ['/etc/a']],
    // A file name's own punctuation means nothing.
    ['/etc/a(b|c)+"$^!@.*', ['/etc/a(b|c)+"$^!@.x'], ['/etc/ab"$^!@.x']],
    ['/etc/a+\\(b*', ['/etc/a+(b)'], ['/etc/aab']],
    ['/etc/a}b]*', ['/etc/a}b]c'], []],
    ['/etc/%FF*', ['/etc/%FFa'], ['/etc/%fea']],
  ];
  for (const [glob, matching, leaving] of cases) {
    const compiled = compileGlob(glob);
    for (const path of matching) assert.ok(compiled.matches(path), `${glob} takes in ${path}`);
    for (const path of leaving) assert.ok(!compiled.matches(path), `${glob} leaves out ${path}`);
  }
});

test('the literal prefix ends before the first wildcard', () => {
  const prefixes: Readonly<Record<string, string>> = {
    '/etc/ssh': '/etc/ssh',
    '/etc/containerd/**': '/etc/containerd/',
    '/etc/a*b': '/etc/a',
    '/etc/a?': '/etc/a',
    '/etc/[ab]': '/etc/',
    '/etc/{a,b}': '/etc/',
    '/etc/a\\*b': '/etc/a*b',
    '/**': '/',
  };
  for (const [glob, prefix] of Object.entries(prefixes))
    assert.equal(compileGlob(glob).literalPrefix, prefix);
});

test('what cannot be meant is refused with its reason', () => {
  const refused: readonly (readonly [glob: string, reason: RegExp])[] = [
    ['', /must start with/],
    ['etc', /must start with/],
    ['*', /must start with/],
    [`/${'a'.repeat(maxGlobLength)}`, /longer than 1024/],
    ['/a\nb', /control character/],
    ['/etc/+(a)', /extended glob/],
    ['/etc/{1..9}', /range; list/],
    ['/etc/', /closing slash/],
    ['//etc/*', /empty part/],
    ['/etc/{a,}', /empty part/],
    ['/etc/./*', /"\." or "\.\."/],
    ['/etc/../*', /"\." or "\.\."/],
    ['/etc/{a', /not closed/],
    ['/etc/{a,{b,c}}', /inside another/],
    ['/etc/[a', /\[ that is not closed/],
    ['/etc/[]', /\[ that is not closed/],
    ['/etc/[a/b]', /\[ that is not closed/],
    ['/etc/[[:alpha:]]', /named class/],
    ['/etc/[z-a]', /is empty/],
    ['/etc/a\\', /ends a part/],
    [`/etc/${'{a,b}'.repeat(7)}`, /more than 64/],
  ];
  for (const [glob, reason] of refused) {
    assert.match(globProblem(glob) ?? 'none', reason, glob);
    assert.throws(() => compileGlob(glob));
  }
});

test('the worst globs against the worst names take milliseconds', () => {
  const limitMs = 2000; // what a regular expression needed hours for; the margin is for a busy machine
  const started = performance.now();
  const names = ['/a'.repeat(2047), `/etc/${'a'.repeat(255)}`, `/${'a'.repeat(200)}`.repeat(20)];
  const globs = [
    '/**/a/**/a/**/a/**/a/**/b',
    `/${'a*'.repeat(500)}b`,
    `/**/${'*a'.repeat(100)}/**/${'*a'.repeat(100)}/**/b`,
    `/${'**/*a*a*/'.repeat(80)}b`,
    `/etc/${'[!b]*'.repeat(100)}b`,
    `/**/${'{a,*a}'.repeat(6)}b`,
  ];
  for (const glob of globs) {
    assert.equal(globProblem(glob), null, glob);
    for (const name of names) assert.equal(compileGlob(glob).matches(name), false);
  }
  assert.ok(performance.now() - started < limitMs);
});
