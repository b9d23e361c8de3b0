import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BaselineRecord } from '#core/node-state';
import { nodeStatus, nodeStatuses, type StatusFacts, silentForMillis } from '#core/node-status';

const baseline: BaselineRecord = {
  sequence: 1,
  manifest: 'm',
  acceptedAt: 0,
  acceptedBy: 'ada',
  reason: null,
  reviewed: true,
  paths: 1,
  restoredFrom: null,
};
const flags = [false, true];

test('of every combination, all that hold are listed, worst first, and the worst is the status', () => {
  for (const drifting of flags)
    for (const unknown of flags)
      for (const silent of flags)
        for (const pending of flags) {
          const facts: StatusFacts = {
            state: {
              lastReportAt: silent ? 0 : 700_001,
              observed: 'm',
              baseline: pending ? null : baseline,
            },
            drift: { added: 0, removed: drifting ? 1 : 0, changed: 0 },
            unknownPaths: unknown ? 1 : 0,
          };
          const holding = { drifting, unknown, silent, pending, clean: false };
          const expected = nodeStatuses.filter((status) => holding[status]);
          const { status, statuses } = nodeStatus(facts, { now: 1_000_000, readyAt: 0, silentSeconds: 300 });
          assert.deepEqual(statuses, expected.length > 0 ? expected : ['clean']);
          assert.equal(status, statuses[0]);
        }
});

test('each kind of drift counts', () => {
  for (const kind of ['added', 'removed', 'changed'] as const) {
    const facts: StatusFacts = {
      state: { lastReportAt: 0, observed: 'm', baseline },
      drift: { added: 0, removed: 0, changed: 0, [kind]: 1 },
      unknownPaths: 0,
    };
    assert.equal(nodeStatus(facts, { now: 0, readyAt: 0, silentSeconds: 1 }).status, 'drifting');
  }
});

test('a baseline with nothing observed is unknown; neither of them is pending', () => {
  const facts = (state: Partial<StatusFacts['state']>): StatusFacts => ({
    state: { lastReportAt: 0, observed: null, baseline: null, ...state },
    drift: { added: 0, removed: 0, changed: 0 },
    unknownPaths: 0,
  });
  const context = { now: 0, readyAt: 0, silentSeconds: 300 };
  assert.deepEqual(nodeStatus(facts({ baseline }), context).statuses, ['unknown']);
  assert.deepEqual(nodeStatus(facts({}), context).statuses, ['pending']);
});

test('silence counts from the later of the last report and our own readiness, and never backwards', () => {
  assert.equal(silentForMillis(100, { now: 1000, readyAt: 0, silentSeconds: 1 }), 900);
  assert.equal(silentForMillis(100, { now: 1000, readyAt: 400, silentSeconds: 1 }), 600);
  assert.equal(silentForMillis(2000, { now: 1000, readyAt: 0, silentSeconds: 1 }), 0);
});

test('a last report from a time that is far ahead does not hide that nothing comes', () => {
  assert.equal(silentForMillis(2001, { now: 1000, readyAt: 0, silentSeconds: 1 }), 1000);
  assert.equal(silentForMillis(2001, { now: 1000, readyAt: 1500, silentSeconds: 1 }), 0);
});
