import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, differencesOf, type Json, type Marks, saltedHash } from './differences.ts';

const names = (before: Json, after: Json, unknown: Marks = {}, sensitive: [Marks, Marks] = [{}, {}]) =>
  differencesOf({ before, after, unknown, sensitive }).map(({ attribute }) => attribute);

test('an attribute is named by its path, and a list as a whole', () => {
  assert.deepEqual(names({ a: 1, tags: { x: 1, y: 2 } }, { a: 1, tags: { x: 1, y: 3 } }), ['tags.y']);
  assert.deepEqual(names({ list: [1, 2] }, { list: [2, 1] }), ['list']);
  assert.deepEqual(names({ tags: { 'a.b c': 1 } }, { tags: { 'a.b c': 2 } }), ['tags."a.b c"']);
});

test('of a sensitive value no part is named: its keys may be secret too', () => {
  const before = { user: { alice: 1 } };
  const after = { user: { bob: 1 } };
  assert.deepEqual(names(before, after), ['user.alice', 'user.bob']);
  assert.deepEqual(names(before, after, {}, [{}, { user: true }]), ['user']);
  assert.deepEqual(names(before, after, {}, [{ user: true }, {}]), ['user']);
});

test('what is not known yet differs, and what is absent is null', () => {
  assert.deepEqual(names({ id: 'x' }, {}, { id: true }), ['id']);
  assert.deepEqual(names({ list: [1] }, {}, { list: [true] }), ['list']);
  assert.deepEqual(names({ a: null }, {}), []);
  assert.deepEqual(names({ a: 1 }, { a: 1 }), []);
});

test('creation and deletion name what is there; a prototype is no attribute', () => {
  assert.deepEqual(names(null, { a: 1, b: null }), ['a']);
  assert.deepEqual(names({ a: 1 }, null), ['a']);
  assert.deepEqual(names({}, JSON.parse('{"__proto__": 1, "constructor": 2}') as Json), [
    '__proto__',
    'constructor',
  ]);
});

test('a hash depends on value and salt, and not on the order of keys', () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }], a: null }), '{"a":null,"b":[{"c":2,"d":1}]}');
  assert.equal(saltedHash('s', { a: 1, b: 2 }), saltedHash('s', { b: 2, a: 1 }));
  assert.notEqual(saltedHash('s', { a: 1 }), saltedHash('t', { a: 1 }));
  assert.match(saltedHash('s', null), /^[0-9a-f]{32}$/);
});
