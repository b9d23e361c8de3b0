import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxSecrets, Redactor } from '#sweep/core/redactor';

const secret = 'p4ss/w"ord+&é!';

test('a secret goes in every form in which programs print it', () => {
  const redactor = new Redactor([secret]);
  for (const form of [
    secret,
    JSON.stringify(secret),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('hex'),
    ...['', 'u:', 'me:'].map((user) => Buffer.from(`${user}${secret} and more`).toString('base64')),
    Buffer.from(`x${secret}`).toString('base64url'),
  ]) {
    assert.match(redactor.redact(`<${form}>`), /\[redacted\]/, form);
    assert.ok(redactor.finds(form), form);
  }
  assert.equal(redactor.redact('nothing to see'), 'nothing to see');
});

test('each line of a secret of many lines goes', () => {
  const redactor = new Redactor(['first line\nsecond line']);
  assert.equal(redactor.redact('a second line b'), 'a [redacted] b');
});

test('of two secrets the longer one goes first', () => {
  assert.equal(new Redactor(['secret', 'secret-and-more']).redact('<secret-and-more>'), '<[redacted]>');
});

test('what looks like a secret goes although nobody knows it', () => {
  const redactor = new Redactor();
  for (const text of [
    'https://user:hunter2@host/x',
    'password = "hunter2 two"',
    'GET /?api_key=hunter2&x=1',
    'Authorization: Bearer hunter2hunter2',
    '"client_secret": "hunter2"',
    '-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----',
    `eyJhbGciOiJub25l.eyJodW50ZXIyIjoi.hunter2`,
  ]) {
    assert.doesNotMatch(redactor.redact(text), /hunter2/, text);
  }
});

test('with more secrets than can be looked for, everything is withheld', () => {
  const redactor = new Redactor(Array.from({ length: maxSecrets + 1 }, (_, i) => `secret-${i}`));
  assert.match(redactor.redact('any text'), /^\[withheld/);
});
