import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownName } from './shown-name.ts';

test('a name breaks no line and steers no terminal, and an ordinary one is shown as it is', () => {
  assert.equal(shownName('stacks/web-1 (ü)'), 'stacks/web-1 (ü)');
  assert.equal(shownName('a\n9 stacks: 9 clean'), 'a%0A9 stacks: 9 clean');
  assert.equal(shownName('a\u001b[2K\r\u202eb\u2028%'), 'a%1B[2K%0D%E2%80%AEb%E2%80%A8%25');
});
