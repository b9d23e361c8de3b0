/**
 * Reports that every version must accept and refuse. They lie in fixtures/wire, for agent and collector to test
 * themselves against: the agent's reports look like the accepted ones, the collector refuses the rejected ones.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { shapeOf } from './shape.ts';
import { maxBlindSpots } from './visibility.ts';
import { BaseMismatch, maxReportEvents, NodeName, Report, ReportAnswer } from './wire.ts';

const fixtures = new URL('../fixtures/wire/', import.meta.url);
const report = shapeOf(Report);

function read(kind: 'accepted' | 'rejected'): { name: string; content: unknown }[] {
  const directory = new URL(`${kind}/`, fixtures);
  return readdirSync(directory).map((name) => ({
    name,
    content: JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as unknown,
  }));
}

const accepted = read('accepted');

for (const { name, content } of accepted) {
  test(`accepted: ${name}`, () => assert.deepEqual(report.errors(content), []));
}

for (const { name, content } of read('rejected')) {
  const { why, at, report: refused } = content as { why: string; at: string; report: unknown };
  test(`rejected: ${name}, because ${why}`, () => {
    assert.ok(!report.check(refused));
    assert.ok(
      report.errors(refused).some(({ instancePath }) => instancePath === at),
      JSON.stringify(report.errors(refused)),
    );
  });
}

test('lists over their limits are refused whole', () => {
  const heartbeat = accepted.find(({ name }) => name === 'heartbeat.json')?.content as Report;
  const spots = (length: number) =>
    Array.from({ length }, (_, i) => ({ path: `/etc/${i}`, reason: 'unreadable' as const }));
  const events = (length: number): Report['events'] =>
    Array.from({ length }, (_, i) => ({
      position: i + 1,
      at: '2026-11-23T10:00:00.000Z',
      net: 'watch',
      path: '/a',
      before: null,
      after: null,
    }));
  assert.ok(
    report.check({ ...heartbeat, blindSpots: spots(maxBlindSpots), events: events(maxReportEvents) }),
  );
  assert.ok(!report.check({ ...heartbeat, blindSpots: spots(maxBlindSpots + 1) }));
  assert.ok(!report.check({ ...heartbeat, events: events(maxReportEvents + 1) }));
});

test('a node name is a DNS label path', () => {
  const name = shapeOf(NodeName);
  for (const good of ['a', 'node-1', 'ip-10-0-0-1.eu-west-1.compute.internal', '1', 'a'.repeat(63)]) {
    assert.ok(name.check(good), good);
  }
  const bad = [
    '',
    '-a',
    'a-',
    'A',
    'a_b',
    'a..b',
    '.a',
    'a.',
    'a/b',
    'a b',
    '../x',
    'a\n',
    'é',
    '%41',
    'a'.repeat(64),
  ];
  for (const text of [...bad, `${'a.'.repeat(126)}ab`]) assert.ok(!name.check(text), JSON.stringify(text));
});

test('an answer that is cut short or of another shape is not taken for one', () => {
  const answer = shapeOf(ReportAnswer);
  const good = { observed: null, epoch: 'e', eventsStored: 0, commands: [{ id: 1, kind: 'rescan' }] };
  assert.ok(answer.check(good));
  for (const bad of [
    null,
    {},
    { ...good, observed: 'x' },
    { ...good, eventsStored: -1 },
    { ...good, epoch: 1 },
  ]) {
    assert.ok(!answer.check(bad));
  }
  assert.ok(!answer.check({ ...good, commands: [{ id: 1, kind: 'run', argument: 'rm' }] }));
  const digest = 'a'.repeat(64);
  const aideBaseline = { digest, configDigest: digest, aideVersion: '0.18.3' };
  assert.ok(answer.check({ ...good, aideBaseline: null }) && answer.check({ ...good, aideBaseline }));
  assert.ok(!answer.check({ ...good, aideBaseline: { ...aideBaseline, digest: '' } }));
});

test('a base mismatch carries all 256 bucket digests, or is not one', () => {
  const mismatch = shapeOf(BaseMismatch);
  const problem = { type: 't', title: 't', status: 409, code: 'base-mismatch', detail: 'd' };
  const digests = Array.from({ length: 256 }, () => 'a'.repeat(64));
  const good = { ...problem, observed: null, epoch: 'e', bucketDigests: digests };
  assert.ok(mismatch.check(good));
  assert.ok(!mismatch.check({ ...good, bucketDigests: digests.slice(1) }));
  assert.ok(!mismatch.check({ ...good, code: 'scope-unknown' }));
});
