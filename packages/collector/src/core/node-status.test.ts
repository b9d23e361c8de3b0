import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BaselineRecord } from '#core/node-state';
import { nodeStatus, nodeStatuses, type StatusContext, type StatusFacts } from '#core/node-status';

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
const fresh: StatusContext = { ages: { sinceReportMs: 0, sinceObservedMs: 0 }, silentSeconds: 300 };

test('of every combination, all that hold are listed, worst first, and the worst is the status', () => {
  for (const drifting of flags)
    for (const unknown of flags)
      for (const silent of flags)
        for (const pending of flags) {
          const facts: StatusFacts = {
            state: {
              observed: 'm',
              baseline: pending ? null : baseline,
              aide: null,
            },
            drift: { added: 0, removed: drifting ? 1 : 0, changed: 0 },
            unknownPaths: unknown ? 1 : 0,
          };
          const holding = { drifting, unknown, silent, pending, clean: false };
          const expected = nodeStatuses.filter((status) => holding[status]);
          const { status, statuses } = nodeStatus(facts, {
            ages: { sinceReportMs: silent ? 300_001 : 300_000, sinceObservedMs: 300_000 },
            silentSeconds: 300,
          });
          assert.deepEqual(statuses, expected.length > 0 ? expected : ['clean']);
          assert.equal(status, statuses[0]);
        }
});

test('each kind of drift counts', () => {
  for (const kind of ['added', 'removed', 'changed'] as const) {
    const facts: StatusFacts = {
      state: { observed: 'm', baseline, aide: null },
      drift: { added: 0, removed: 0, changed: 0, [kind]: 1 },
      unknownPaths: 0,
    };
    assert.equal(nodeStatus(facts, fresh).status, 'drifting');
  }
});

test('a baseline with nothing observed is unknown; neither of them is pending', () => {
  const facts = (state: Partial<StatusFacts['state']>): StatusFacts => ({
    state: { observed: null, baseline: null, aide: null, ...state },
    drift: { added: 0, removed: 0, changed: 0 },
    unknownPaths: 0,
  });
  assert.deepEqual(nodeStatus(facts({ baseline }), fresh).statuses, ['unknown']);
  assert.deepEqual(nodeStatus(facts({}), fresh).statuses, ['pending']);
});

test('reports without a manifest, for longer than a node may be silent, make what is held unknown', () => {
  const facts: StatusFacts = {
    state: { observed: 'm', baseline, aide: null },
    drift: { added: 0, removed: 0, changed: 0 },
    unknownPaths: 0,
  };
  const after = (sinceReportMs: number, sinceObservedMs: number) =>
    nodeStatus(facts, { ages: { sinceReportMs, sinceObservedMs }, silentSeconds: 300 }).statuses;
  assert.deepEqual(after(0, 300_000), ['clean']);
  assert.deepEqual(after(0, 300_001), ['unknown']);
  assert.deepEqual(after(300_001, 300_001), ['silent']);
});
