import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cachePlaces, freeableBytes } from '#core/memory-cgroup';

test('our own control group is found in either version, as the host or as the container names it', () => {
  assert.deepEqual(cachePlaces('0::/kubepods/pod1\n'), [
    { version: 2, directory: '/sys/fs/cgroup/kubepods/pod1' },
    { version: 2, directory: '/sys/fs/cgroup' },
  ]);
  assert.deepEqual(cachePlaces('0::/\n'), [{ version: 2, directory: '/sys/fs/cgroup' }]);
  assert.deepEqual(cachePlaces('9:name=systemd:/a\n4:cpu,memory:/a b\n'), [
    { version: 1, directory: '/sys/fs/cgroup/memory/a b' },
    { version: 1, directory: '/sys/fs/cgroup/memory' },
  ]);
  assert.deepEqual(cachePlaces('nonsense\n\n'), []);
});

test('what is mapped is not asked back: the program itself runs from it', () => {
  assert.equal(freeableBytes('anon 5\nfile 1000\nfile_mapped 300\nshmem 100\n'), 600);
  assert.equal(freeableBytes('file 100\nfile_mapped 300\n'), 0);
  assert.equal(freeableBytes(''), 0);
});
