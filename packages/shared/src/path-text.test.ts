import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../test/random.ts';
import {
  decodePathText,
  encodePathText,
  isByteText,
  isPathText,
  isWithin,
  maxPathTextLength,
  parentOf,
} from './path-text.ts';

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

test('every single byte goes through and back, in printable text', () => {
  for (let byte = 0; byte <= 0xff; byte++) {
    const bytes = String.fromCharCode(byte);
    const text = encodePathText(bytes);
    assert.equal(decodePathText(text), bytes);
    assert.match(text, /^(?:[\x20-\x24\x26-\x7e]|%[0-9A-F]{2})$/);
  }
});

test('any bytes go through and back, and no two share a text', () => {
  const random = seededRandom(1);
  // Bytes that begin, continue and break UTF-8, more often than chance would have them.
  const pieces = [
    'a',
    '/',
    '%',
    '%41',
    '%C3',
    '\xc3',
    '\xa9',
    '\xe2',
    '\x80',
    '\xae',
    '\xf0\x9f',
    '\x98\x80',
  ];
  const seen = new Map<string, string>();
  for (let i = 0; i < 20_000; i++) {
    let bytes = '';
    for (let n = random.below(8); n >= 0; n--) {
      bytes += random.oneIn(2) ? random.pick(pieces) : String.fromCharCode(random.below(256));
    }
    const text = encodePathText(bytes);
    assert.equal(decodePathText(text), bytes);
    assert.ok(isByteText(text), text);
    assert.equal(seen.get(text) ?? bytes, bytes);
    seen.set(text, bytes);
  }
});

test('valid, visible UTF-8 stands for itself', () => {
  for (const name of ['naïve', 'żółw', '日本語', 'Ελλάδα', '😀', '\u{10330}', 'e\u0301']) {
    assert.equal(encodePathText(bytesOf(name)), name);
    assert.equal(decodePathText(name), bytesOf(name));
  }
});

test('bytes that are not UTF-8 are escaped one by one', () => {
  const cases: readonly (readonly [bytes: string, text: string])[] = [
    ['\xff', '%FF'],
    ['\x80', '%80'],
    ['\xc3', '%C3'],
    ['\xc3(', '%C3('],
    ['\xc0\xaf', '%C0%AF'], // an overlong slash
    ['\xe0\x80\xaf', '%E0%80%AF'],
    ['\xf0\x80\x80\xaf', '%F0%80%80%AF'],
    ['\xed\xa0\x80', '%ED%A0%80'], // a surrogate
    ['\xf4\x90\x80\x80', '%F4%90%80%80'], // above U+10FFFF
    ['\xf8\x88\x80\x80\x80', '%F8%88%80%80%80'],
    ['\xe2\x82', '%E2%82'],
    ['a\xe2\x82b', 'a%E2%82b'],
    ['\xe2\xc3\xa9', '%E2é'],
  ];
  for (const [bytes, text] of cases) assert.equal(encodePathText(bytes), text);
});

test('no character that is invisible, breaks a line or turns the writing direction stays unescaped', () => {
  const hidden = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cc}\p{Z}\p{Co}]/u;
  for (let codePoint = 0x21; codePoint <= 0x10ffff; codePoint++) {
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
    const character = String.fromCodePoint(codePoint);
    if (!hidden.test(character)) continue;
    const text = encodePathText(bytesOf(character));
    assert.match(text, /^(?:%[0-9A-F]{2})+$/, `U+${codePoint.toString(16)}`);
  }
});

test('a percent sign never stands for itself', () => {
  assert.equal(encodePathText('100%'), '100%25');
  assert.equal(encodePathText('%41'), '%2541');
});

test('only canonical text is taken for a path', () => {
  for (const path of [
    '/',
    '/etc',
    '/etc/a b',
    '/etc/%FF',
    '/etc/%0A',
    '/etc/é',
    '/etc/...',
    '/etc/.a',
    '/%25',
  ]) {
    assert.ok(isPathText(path), path);
  }
  const refused = [
    '',
    'etc',
    './etc',
    '/etc/',
    '//etc',
    '/etc//a',
    '/etc/.',
    '/etc/./a',
    '/etc/..',
    '/etc/../a',
    '/..',
    '/%41', // an A that needs no escape
    '/%2F',
    '/%ff', // lower case
    '/%2f',
    '/%C3%A9', // an é that needs none
    '/%',
    '/%4',
    '/%zz',
    '/%+1',
    '/%-1',
    '/% 1',
    '/%0x',
    '/%00',
    '/a%00b',
    '/a\nb',
    '/a\tb',
    '/a\u0000b',
    '/\u202egnp.exe',
    '/a\u200bb',
    '/\ud800',
    '/\ufeff',
    `/${'a'.repeat(maxPathTextLength)}`,
  ];
  for (const path of refused) assert.equal(isPathText(path), false, JSON.stringify(path));
});

test('a symlink target may be any bytes, in canonical text', () => {
  for (const target of ['', '.', '../a', 'a//b', '/x/', '%FF']) assert.ok(isByteText(target), target);
  for (const target of ['%ff', '%41', 'a\nb', '\u2066x']) assert.equal(isByteText(target), false, target);
});

test('the directory above and the paths below', () => {
  assert.equal(parentOf('/'), '/');
  assert.equal(parentOf('/etc'), '/');
  assert.equal(parentOf('/etc/ssh/a'), '/etc/ssh');
  assert.ok(isWithin('/etc', '/etc'));
  assert.ok(isWithin('/etc/a', '/etc'));
  assert.ok(isWithin('/etc', '/'));
  assert.ok(!isWithin('/etc2', '/etc'));
  assert.ok(!isWithin('/etc', '/etc/a'));
});
