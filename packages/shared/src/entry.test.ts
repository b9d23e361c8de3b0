import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapeOf } from './shape.ts';
import { seededRandom } from '../../../test/random.ts';
import { Entry, entryLine, entryTypes, hasCanonicalText, parseEntryLine, unreadReasons } from './entry.ts';

const sha256 = 'a'.repeat(64);

test('the canonical line of each kind of entry is frozen', () => {
  const lines: readonly (readonly [Entry, string])[] = [
    [
      { path: '/etc/passwd', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 12, sha256 },
      `/etc/passwd\tt=file\tm=644\tu=0\tg=0\ts=12\th=${sha256}`,
    ],
    [
      { path: '/bin/su', type: 'file', mode: 0o4755, unread: 'permission' },
      '/bin/su\tt=file\tm=4755\tx=permission',
    ],
    [{ path: '/etc/x', type: 'symlink', target: '../a b' }, '/etc/x\tt=symlink\tl=../a b'],
    [{ path: '/etc/x', type: 'symlink', target: '' }, '/etc/x\tt=symlink\tl='],
    [{ path: '/dev/null', type: 'character-device', device: '1:3' }, '/dev/null\tt=character-device\td=1:3'],
    [{ path: '/mnt', type: 'mount' }, '/mnt\tt=mount'],
    [{ path: '/a=b', type: 'directory', mode: 0 }, '/a=b\tt=directory\tm=0'],
  ];
  for (const [entry, line] of lines) {
    assert.equal(entryLine(entry), line);
    assert.deepEqual(parseEntryLine(line), entry);
  }
});

test('any entry goes through its line and back', () => {
  const random = seededRandom(2);
  const fits = shapeOf(Entry);
  const maybe = <T>(value: T): T | undefined => (random.oneIn(3) ? undefined : value);
  for (let i = 0; i < 5000; i++) {
    const all = {
      path: `/${random.pick(['a', 'h=1', 'x=stale', '%FF%0A', ' ', 'é'])}${i}`,
      type: random.pick(entryTypes),
      mode: maybe(random.below(0o10000)),
      uid: maybe(random.below(2 ** 32)),
      gid: maybe(random.below(2 ** 32)),
      size: maybe(random.below(Number.MAX_SAFE_INTEGER)),
      sha256: maybe(random.below(16).toString(16).repeat(64)),
      target: maybe(random.pick(['', 't=file', '../%09'])),
      device: maybe('8:1'),
      unread: maybe(random.pick(unreadReasons)),
    };
    const entry = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Entry;
    assert.ok(fits.check(entry));
    assert.deepEqual(parseEntryLine(entryLine(entry)), entry);
  }
});

test('a line that no entry made is refused', () => {
  for (const line of ['', '/a', '/a\tt=', '/a\tt=door', '\tt=file', '/a\tt=file\tz=1', '/a\tt=file\t']) {
    assert.throws(() => parseEntryLine(line), JSON.stringify(line));
  }
});

test('path and target must be canonical text', () => {
  assert.ok(hasCanonicalText({ path: '/a', type: 'symlink', target: '%FF' }));
  assert.ok(!hasCanonicalText({ path: '/a/../b', type: 'file' }));
  assert.ok(!hasCanonicalText({ path: '/a', type: 'symlink', target: 'x\ty' }));
});
