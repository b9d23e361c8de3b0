import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxAideWarnings } from '@holdfast/shared/wire-aide';
import { AideStderrScan } from '#core/aide/stderr-scan';

function scan(hostRoot: string, ...pieces: string[]): AideStderrScan {
  const reading = new AideStderrScan(hostRoot);
  for (const piece of pieces) reading.take(piece);
  reading.end();
  return reading;
}

test('each line is a warning, with its path as reported where it can be told', () => {
  const { warnings, total } = scan(
    '/host',
    'WARNING: hash calculation: open() failed for /host/etc/shadow: Permission den',
    "ied (hashsums could not be calculated)\nWARNING: failed to open regular file '/host/etc/x' for reading: no\n",
    "WARNING: failed to open regular file '/elsewhere/x' for reading: no\n  ERROR: something\x1b[31m else\n\nlast",
  );
  assert.equal(total, 5);
  assert.deepEqual(
    warnings.map(({ path }) => path),
    ['/etc/shadow', '/etc/x', null, null, null],
  );
  assert.equal(warnings[3]?.message, 'something%1B[31m else');
});

test('no more is kept than may be told, and all is counted', () => {
  const { warnings, total } = scan('/', 'WARNING: x\n'.repeat(5000), 'y'.repeat(10_000_000));
  assert.equal(total, 5001);
  assert.equal(warnings.length, maxAideWarnings);
  assert.ok(warnings.every(({ message }) => message.length <= 200));
});
