import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collapseBlindSpots } from './collapse-blind-spots.ts';
import { dailySplay } from './daily-splay.ts';
import { deviceText, entryTypeOf, isSameContent, msUntilTrusted } from './file-stat.ts';
import { mountPointsOf } from './mount-points.ts';

test('the type follows from the format bits of the mode', () => {
  assert.equal(entryTypeOf(0o100644), 'file');
  assert.equal(entryTypeOf(0o041777), 'directory');
  assert.equal(entryTypeOf(0o120777), 'symlink');
  assert.equal(entryTypeOf(0o010600), 'fifo');
  assert.throws(() => entryTypeOf(0o000644));
});

test('device numbers are taken apart as glibc does, beyond 8 bits too', () => {
  assert.equal(deviceText(0x0103), '1:3');
  assert.equal(deviceText(0x10072c), '7:300');
  assert.equal(deviceText(0xfff00000 + 0x0800), '8:1048320');
});

test('a file is trusted 20 ms after its ctime; a ctime in the future is no reason to wait', () => {
  assert.equal(msUntilTrusted(1000, 1000), 20);
  assert.equal(msUntilTrusted(1000, 1019.5), 0.5);
  assert.equal(msUntilTrusted(1000, 1020), 0);
  assert.equal(msUntilTrusted(5000, 1000), 0);
  assert.equal(msUntilTrusted(1000.75, 1000), 20.75, 'a clock of whole milliseconds');
});

test('a file has the same content only if every field that a write moves is the same', () => {
  const seen = { dev: 1, ino: 2, size: 3, mtimeMs: 4, ctimeMs: 5 };
  assert.equal(isSameContent(seen, { ...seen }), true);
  for (const field of ['dev', 'ino', 'size', 'mtimeMs', 'ctimeMs'] as const) {
    assert.equal(isSameContent(seen, { ...seen, [field]: 9 }), false, field);
  }
});

test('mount points are unescaped and told without the host root', () => {
  const mountinfo = [
    '22 1 0:21 / /host rw - ext4 /dev/vda rw',
    '23 22 0:22 / /host/etc/with\\040space\\134\\012\xff rw - tmpfs x rw',
    '24 1 0:23 / /hostile rw - tmpfs x rw',
    '',
  ].join('\n');
  assert.deepEqual([...mountPointsOf(mountinfo, '/host').keys()], ['/', '/etc/with space\\%0A%FF']);
  assert.deepEqual([...mountPointsOf(mountinfo, '/').keys()].slice(1), [
    '/host/etc/with space\\%0A%FF',
    '/hostile',
  ]);
});

test('only file systems that are known to be local may be looked at; the last mount on a place is the one seen', () => {
  const mountOn = (place: string, type: string) => `1 2 0:1 / ${place} rw shared:1 - ${type} src rw`;
  const lines = [
    mountOn('/a', 'nfs4'),
    mountOn('/b', 'ext4'),
    mountOn('/c', 'ext4'),
    mountOn('/c', 'fuse.sshfs'),
  ];
  const points = mountPointsOf(lines.join('\n'), '/');
  assert.deepEqual(
    [...points].map(([path, { isLocal }]) => `${path} ${isLocal}`),
    ['/a false', '/b true', '/c false'],
  );
});

test('the daily splay is a fixed minute of the day for each node, and moves by the offset', () => {
  assert.match(dailySplay('worker-1'), /^\d{1,2} \d{1,2} \* \* \*$/);
  assert.equal(dailySplay('worker-1'), dailySplay('worker-1'));
  const minutes = new Set(Array.from({ length: 200 }, (_, i) => dailySplay(`worker-${i}`)));
  assert.ok(minutes.size > 150, 'nodes are spread over the day');
  assert.equal(dailySplay('worker-1', 24 * 60), dailySplay('worker-1'));
  assert.notEqual(dailySplay('worker-1', 30), dailySplay('worker-1'));
});

test('too many blind spots for a report become the roots that hold them', () => {
  const spots = Array.from({ length: 5 }, (_, i) => ({ path: `/etc/${i}`, reason: 'mount' as const }));
  const missing = { path: '/opt', reason: 'missing' as const };
  assert.equal(collapseBlindSpots(spots, ['/etc'], 5), spots);
  assert.deepEqual(collapseBlindSpots([...spots, missing], ['/etc', '/opt'], 5), [
    { path: '/etc', reason: 'unreadable' },
    missing,
  ]);
});
