import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyRules, rulesFor, ruleUse } from '#sweep/core/apply-rules';
import { type ChangedResource, changeActions } from '#sweep/core/stack-result';
import type { StackRule } from '#sweep/core/stack-rule';

const rule: StackRule = {
  id: 'r',
  effect: 'ignore',
  stack: 'stacks/*',
  address: 'module.a["x"].fake_file.*',
  attributes: null,
  reason: 'known',
  owner: 'ops',
  until: null,
};
const change: ChangedResource = {
  address: 'module.a["x"].fake_file.f[0]',
  type: 'fake_file',
  module: 'module.a',
  action: 'update',
  outside: 'update',
  cause: 'drift',
  attributes: ['tags.Name', 'tags.Owner'],
  fingerprint: '0'.repeat(32),
  hidden: false,
  unsettled: false,
};
const left = (changed: Partial<ChangedResource>, ruled: Partial<StackRule> = {}) =>
  applyRules([{ ...change, ...changed }], [{ ...rule, ...ruled }]).changes.length;

test('a rule silences what it names, and says how often', () => {
  const { changes, ignored } = applyRules([change, { ...change, address: 'fake_file.g' }], [rule]);
  assert.deepEqual(
    changes.map(({ address }) => address),
    ['fake_file.g'],
  );
  assert.deepEqual(ignored, [{ rule: 'r', count: 1 }]);
});

test('no rule silences a deletion, a replacement or a removal, planned or found outside', () => {
  const silenced = changeActions.filter((action) => left({ action, outside: null }, { address: '*' }) === 0);
  assert.deepEqual(silenced, ['create', 'update', 'move', 'import', 'output']);
  assert.equal(left({ action: 'create', outside: 'delete' }), 1);
});

test('a rule on attributes holds only if nothing else differs', () => {
  assert.equal(left({}, { attributes: ['tags.*'] }), 0);
  assert.equal(left({}, { attributes: ['tags.Name'] }), 1);
  assert.equal(left({ attributes: [] }, { attributes: ['tags.*'] }), 1);
});

test('a rule that promotes makes a hidden change count, and leaves others as they are', () => {
  const promote = { ...rule, effect: 'promote' } as const;
  assert.equal(applyRules([{ ...change, hidden: true }], [promote]).changes[0]?.hidden, false);
  assert.equal(applyRules([change], [promote]).matched.size, 0);
});

test('a rule that has expired or matched nothing is reported, and does nothing', () => {
  const expired = { ...rule, until: 1000 };
  assert.deepEqual(rulesFor('stacks/one', [expired], 1000), []);
  assert.equal(rulesFor('stacks/one', [expired], 999).length, 1);
  assert.deepEqual(rulesFor('other/one', [rule], 0), []);
  assert.deepEqual(ruleUse([expired], new Map(), 1000), [{ rule: 'r', matched: 0, expired: true }]);
});
