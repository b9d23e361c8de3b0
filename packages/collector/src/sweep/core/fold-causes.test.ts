import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldCauses } from './fold-causes.ts';
import type { ChangedResource } from './stack-result.ts';

const change = (more: Partial<ChangedResource> = {}): ChangedResource => ({
  address: 'secret.tls',
  type: 'secret',
  module: '',
  action: 'update',
  outside: null,
  cause: 'drift',
  attributes: ['data'],
  fingerprint: 'f'.repeat(32),
  hidden: false,
  unsettled: false,
  ...more,
});

test('the same change is one row however many stacks have it, the widest first, with hidden ones left out', () => {
  const rows = foldCauses([
    {
      stack: 'b',
      changes: [change(), change({ address: 'secret.other' }), change({ hidden: true, type: 'h' })],
    },
    { stack: 'a', changes: [change({ address: 'secret.renamed' })] },
    { stack: 'c', changes: [change({ fingerprint: '0'.repeat(32) })] },
  ]);
  assert.deepEqual(
    rows.map(({ stacks, resources, example }) => [stacks, resources, example]),
    [
      [['a', 'b'], 3, 'secret.tls'],
      [['c'], 1, 'secret.tls'],
    ],
  );
});

test('another cause, module, action or attribute is another row', () => {
  const kinds = [
    {},
    { cause: 'pending' },
    { module: 'module.a' },
    { action: 'delete' },
    { attributes: ['other'] },
    { type: 'x' },
  ] as const;
  const rows = foldCauses([
    {
      stack: 's',
      changes: kinds.map((kind) =>
        change({ ...kind, attributes: [...('attributes' in kind ? kind.attributes : ['data'])] }),
      ),
    },
  ]);
  assert.equal(rows.length, kinds.length);
});
