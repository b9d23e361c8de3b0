import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkScope, compileScope } from '@holdfast/shared/scope';
import { quietLog } from './quiet-log.ts';
import { scanOnce } from './scan-once.ts';

test('a scan records a small tree under a host root, without the prefix', async (t) => {
  const hostRoot = mkdtempSync(join(tmpdir(), 'holdfast-scan-'));
  t.after(() => rmSync(hostRoot, { recursive: true }));
  mkdirSync(join(hostRoot, 'etc/sub'), { recursive: true });
  writeFileSync(join(hostRoot, 'etc/a'), 'content', { mode: 0o640 });
  symlinkSync('../nowhere', join(hostRoot, 'etc/sub/link'));
  const scope = compileScope(checkScope({ version: 1, paths: [{ path: '/etc' }, { path: '/opt' }] }));
  const { manifest, blindSpots, result } = await scanOnce(
    { scope, hostRoot, maxFileMib: 1, log: quietLog },
    AbortSignal.timeout(10_000),
  );
  assert.deepEqual([...manifest.entries()].map((entry) => entry.path).sort(), [
    '/etc',
    '/etc/a',
    '/etc/sub',
    '/etc/sub/link',
  ]);
  assert.deepEqual(manifest.get('/etc/a'), {
    path: '/etc/a',
    type: 'file',
    mode: 0o640,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
    size: 7,
    sha256: hash('sha256', 'content'),
  });
  assert.equal(manifest.get('/etc/sub/link')?.target, '../nowhere');
  assert.deepEqual(blindSpots, [{ path: '/opt', reason: 'missing' }]);
  assert.deepEqual(
    { ...result, startedAt: '', durationMs: 0 },
    {
      net: 'full',
      startedAt: '',
      durationMs: 0,
      entries: 4,
      hashed: 1,
      bytes: 7,
      unread: 0,
      changed: 4,
    },
  );
});
