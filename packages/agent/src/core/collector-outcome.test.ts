import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketCount } from '@holdfast/shared/manifest';
import { commandsOutcome, parseRetryAfter, reportOutcome } from '#core/collector-outcome';

const now = Date.parse('2026-01-01T00:00:00Z');
const digest = 'a'.repeat(64);
const answer = { observed: digest, epoch: 'e', eventsStored: 3, commands: [{ id: 1, kind: 'rescan' }] };
const problem = (code: string, status: number) => ({ type: 't', title: 't', status, code, detail: 'd' });
const mismatch = {
  ...problem('base-mismatch', 409),
  observed: null,
  epoch: 'e',
  bucketDigests: Array.from({ length: bucketCount }, () => digest),
};

const reports: [status: number, body: unknown, kind: string, code?: string][] = [
  [200, answer, 'acknowledged'],
  [202, answer, 'acknowledged'],
  [200, { ...answer, observed: 'x' }, 'unavailable'],
  [200, 'welcome', 'unavailable'],
  [204, '', 'unavailable'],
  [302, '', 'refused', 'http-302'],
  [400, problem('bad-request', 400), 'refused', 'bad-request'],
  [401, problem('unauthenticated', 401), 'refused', 'unauthenticated'],
  [403, '<html>', 'refused', 'http-403'],
  [409, mismatch, 'base-mismatch'],
  [409, { ...mismatch, bucketDigests: [] }, 'unavailable'],
  [409, problem('scope-unknown', 409), 'scope-unknown'],
  [409, problem('instance-conflict', 409), 'refused', 'instance-conflict'],
  [410, problem('node-deleted', 410), 'refused', 'node-deleted'],
  [413, '', 'refused', 'http-413'],
  [408, '', 'unavailable'],
  [429, problem('too-many-requests', 429), 'unavailable'],
  [500, problem('internal', 500), 'unavailable'],
  [503, problem('storage-unavailable', 503), 'unavailable'],
  [502, '<html>', 'unavailable'],
];

for (const [status, value, kind, code] of reports) {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  test(`a report answered with ${status} ${body.slice(0, 70)} is ${kind} ${code ?? ''}`, () => {
    const outcome = reportOutcome({ status, body, retryAfter: null }, now);
    assert.equal(outcome.kind, kind);
    if (outcome.kind === 'refused') assert.equal(outcome.code, code);
  });
}

test('Retry-After is seconds or a date', () => {
  assert.equal(parseRetryAfter('7', now), 7000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000);
  assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  assert.equal(parseRetryAfter('soon', now), null);
  assert.equal(parseRetryAfter(null, now), null);
  const outcome = reportOutcome({ status: 503, body: '', retryAfter: '2' }, now);
  assert.equal(outcome.kind === 'unavailable' && outcome.retryAfterMs, 2000);
});

test('a long poll brings commands, or none, or is not to be had', () => {
  const poll = (status: number, value: unknown) =>
    commandsOutcome({ status, body: JSON.stringify(value) ?? '', retryAfter: null }, now);
  assert.deepEqual(poll(200, { commands: answer.commands }), {
    kind: 'commands',
    list: { commands: answer.commands },
  });
  assert.deepEqual(poll(204, undefined), { kind: 'commands', list: { commands: [] } });
  assert.equal(poll(200, { commands: [{ id: 1, kind: 'dance' }] }).kind, 'unavailable');
  for (const status of [404, 405, 501]) assert.equal(poll(status, '').kind, 'unsupported');
  assert.equal(poll(404, problem('node-unknown', 404)).kind, 'refused', 'it has not reported yet');
  assert.equal(poll(401, problem('unauthenticated', 401)).kind, 'refused');
  assert.equal(poll(500, '').kind, 'unavailable');
});
