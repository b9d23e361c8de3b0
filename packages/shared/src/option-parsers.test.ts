import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  absolutePath,
  httpUrl,
  isLoopback,
  listenAddress,
  matching,
  oneOf,
  text,
  wholeNumber,
} from './option-parsers.ts';
import type { Parser } from './options.ts';

function accepts<T>(parse: Parser<T>, given: string): T {
  const parsed = parse(given);
  assert.ok('value' in parsed, `${JSON.stringify(given)} should be accepted`);
  return parsed.value;
}

function refuses(parse: Parser<unknown>, ...texts: string[]): void {
  for (const given of texts)
    assert.ok('problem' in parse(given), `${JSON.stringify(given)} should be refused`);
}

describe('option parsers', () => {
  it('read whole numbers within their range, in plain digits only', () => {
    const parse = wholeNumber({ min: 0, max: 10 });
    assert.equal(accepts(parse, '0'), 0);
    assert.equal(accepts(parse, '10'), 10);
    refuses(parse, '11', '-1', '1.5', '1e1', '0x1', ' 1', '', 'NaN');
  });

  it('read one of several words, and text that is not blank', () => {
    assert.equal(accepts(oneOf(['a', 'b']), 'a'), 'a');
    refuses(oneOf(['a', 'b']), 'A', '');
    assert.equal(accepts(text(), ' x '), ' x ');
    refuses(text(), '', '  ');
  });

  it('match a pattern from end to end', () => {
    assert.equal(accepts(matching(/a|b/, 'a or b'), 'b'), 'b');
    refuses(matching(/a|b/, 'a or b'), 'ab', 'xb');
  });

  it('read addresses to listen on', () => {
    assert.deepEqual(accepts(listenAddress(), '127.0.0.1:9477'), { host: '127.0.0.1', port: 9477 });
    assert.deepEqual(accepts(listenAddress(), '[::1]:0'), { host: '::1', port: 0 });
    assert.deepEqual(accepts(listenAddress(), ':9477'), { host: '::', port: 9477 });
    assert.deepEqual(accepts(listenAddress(), 'localhost:1'), { host: 'localhost', port: 1 });
    refuses(listenAddress(), '9477', 'a:70000', '::1:9477', 'http://a:1', 'a b:1', '');
  });

  it('tell loopback from what others can reach', () => {
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost'])
      assert.equal(isLoopback({ host, port: 1 }), true, host);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org'])
      assert.equal(isLoopback({ host, port: 1 }), false, host);
  });

  it('read http URLs without credentials', () => {
    assert.equal(accepts(httpUrl(), 'https://a:1/b').href, 'https://a:1/b');
    refuses(httpUrl(), 'a:1', '/a', 'ftp://a', 'https://u:p@a', '');
  });

  it('read absolute paths', () => {
    assert.equal(accepts(absolutePath(), '/var/lib/x'), '/var/lib/x');
    refuses(absolutePath(), 'var/lib', '', '/a\0b');
  });
});
