import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentStatus, healthAnswer, readyAnswer } from './agent-status.ts';

const well: AgentStatus = {
  entries: 4000,
  watchDegraded: null,
  outboxDegraded: null,
  aideTrouble: null,
  reportFailure: null,
  lastAcknowledgedAt: '2027-01-01T00:00:00.000Z',
  secondsSinceSweep: 30,
};

test('an agent that works is ok', () => {
  const { httpStatus, body } = healthAnswer(well, 60);
  assert.equal(httpStatus, 200);
  assert.equal(body.status, 'ok');
});

test('what a restart would not cure is shown, and does not fail liveness', () => {
  const answer = healthAnswer(
    {
      ...well,
      watchDegraded: 'no watches left',
      outboxDegraded: 'disk full',
      aideTrouble: 'tampered',
      reportFailure: 'ECONNREFUSED',
    },
    60,
  );
  assert.equal(answer.httpStatus, 200);
  assert.equal(answer.body.status, 'degraded');
  assert.deepEqual(answer.body.degraded, [
    'watch: no watches left',
    'outbox: disk full',
    'aide: tampered',
    'reports: ECONNREFUSED',
  ]);
});

test('liveness fails when no sweep has ended for ten intervals, and at least ten minutes', () => {
  const statusAfter = (secondsSinceSweep: number, interval: number): number =>
    healthAnswer({ ...well, secondsSinceSweep }, interval).httpStatus;
  assert.equal(statusAfter(600, 1), 200);
  assert.equal(statusAfter(601, 1), 503);
  assert.equal(statusAfter(6000, 600), 200);
  assert.equal(statusAfter(6001, 600), 503);
});

test('the agent is ready once it has a manifest, and alive before', () => {
  const starting = { ...well, entries: null, secondsSinceSweep: null };
  assert.equal(readyAnswer(starting).httpStatus, 503);
  assert.equal(healthAnswer(starting, 60).httpStatus, 200);
  assert.equal(healthAnswer(starting, 60).body.phase, 'starting');
  assert.equal(readyAnswer(well).httpStatus, 200);
});
