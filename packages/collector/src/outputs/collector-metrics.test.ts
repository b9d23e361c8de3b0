import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { NodeState } from '#core/node-state';
import type { NodeSummary } from '#store/store';
import { needTool } from '../../../../test/need.ts';
import { version } from '../version.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import { outcomes } from '#sweep/core/stack-result';
import type { StackState } from '#sweep/core/stack-state';
import { endOf, scopeOf } from '#sweep/test-sweep';
import type { CollectorSnapshot } from './collector-metrics.ts';

const golden = join(import.meta.dirname, 'metrics.golden');
const now = Date.parse('2026-03-01T12:00:00.000Z');

function stateOf(name: string, part: Partial<NodeState>): NodeState {
  return {
    name,
    firstSeenAt: now - 86_400_000,
    deletedAt: null,
    instance: '0'.repeat(32),
    sequence: 1,
    lastReportAt: now - 30_000,
    observedAt: now - 30_000,
    retired: [],
    refusedInstance: null,
    agent: {
      version: '0.1.0',
      kernel: '6.1.0-31-amd64',
      os: 'Debian GNU/Linux 12 (bookworm)',
      machineId: 'm',
      clock: '2026-03-01T11:59:30.000Z',
      startedAt: '2026-02-28T11:59:30.000Z',
    },
    health: { phase: 'watching', watchDegraded: null, outboxDegraded: null, eventsDropped: 0 },
    reimagedAt: null,
    observed: 'a'.repeat(64),
    blindSpots: [],
    scans: [],
    journal: '0'.repeat(32),
    eventsStored: 0,
    eventsDropped: 0,
    baseline: {
      sequence: 1,
      manifest: 'a'.repeat(64),
      acceptedAt: now - 3_600_000,
      acceptedBy: 'holdfast',
      reason: 'first report',
      reviewed: false,
      paths: 4000,
      restoredFrom: null,
    },
    pendingBecause: null,
    aide: null,
    review: null,
    ...part,
  };
}

function summaryOf(state: NodeState, part: Partial<NodeSummary> = {}): NodeSummary {
  return {
    state,
    observedEntries: 4000,
    observedScope: 's'.repeat(64),
    baselineScope: 's'.repeat(64),
    drift: { added: 0, removed: 0, changed: 0 },
    oldestDriftAt: null,
    unknownPaths: 0,
    ...part,
  };
}

const scan = {
  startedAt: '2026-03-01T11:59:00.000Z',
  durationMs: 1500,
  entries: 4000,
  hashed: 4000,
  bytes: 1,
  unread: 0,
  changed: 0,
};

const openWindow = {
  id: 3,
  nodes: ['*'],
  paths: ['/usr/**'],
  until: now + 3_600_000,
  reason: 'upgrade',
  accept: false,
  openedAt: now,
  openedBy: 'ada',
  closedAt: null,
  closedBy: null,
};

/** One node of each status, and names that a careless exposition would break on. */
const doubtfulAide: NodeState['aide'] = {
  told: { status: 'drift', reason: null, version: '0.18.3', degraded: [] },
  run: null,
  objection: "AIDE's report could not be read",
  baseline: null,
  newest: null,
  offered: null,
  findings: 2,
  pending: 3,
  disagreements: 1,
  tag: 'a',
  askedAt: null,
};

const snapshot: CollectorSnapshot = {
  sweeps: {
    stacks: stacks(),
    lastWhole: lastSweep(),
    running: 0,
  },
  openWindows: [openWindow],
  auditHead: { id: 7, hash: 'c'.repeat(64) },
  now,
  nodes: [
    summaryOf(
      stateOf('clean-1', {
        scans: [{ net: 'full', ...scan }],
        review: { at: now - 60_000, by: 'ada' },
      }),
    ),
    summaryOf(stateOf('drifting-1', { health: degraded(), eventsDropped: 7 }), {
      drift: { added: 1, removed: 0, changed: 2 },
      oldestDriftAt: now - 7_200_000,
      unknownPaths: 1,
    }),
    summaryOf(stateOf('pending-1', { baseline: null, pendingBecause: 'the first manifest is empty' })),
    summaryOf(
      stateOf('silent-1', {
        refusedInstance: 'f'.repeat(32),
        lastReportAt: now - 4_000_000,
        agent: { ...stateOf('x', {}).agent, os: 'An "odd"\\name\nin two lines' },
      }),
    ),
    summaryOf(
      stateOf('unknown-1', {
        // Its clock is a day ahead.
        scans: [{ net: 'metadata', ...scan, startedAt: '2026-03-02T12:00:00.000Z' }],
        aide: doubtfulAide,
      }),
      { unknownPaths: 3 },
    ),
  ],
  drift: [
    {
      node: 'drifting-1',
      shown: [
        { path: '/etc/a "quoted"\\path', acknowledgedUntil: now + 1, isExpected: false },
        { path: '/etc/new%0Aline', acknowledgedUntil: now, isExpected: true },
      ],
      unexplained: 1,
    },
  ],
  isOverQuota: (node) => node === 'drifting-1',
  statusOf: (node) => ({ ages: ages(node === 'silent-1' ? 4_000_000 : 30_000), silentSeconds: 300 }),
};

/** One that drifts, one that was measured before it failed, one that never was. */
function stacks(): StackState[] {
  const clean: StackState = {
    stack: 'stacks/clean',
    outcome: 'clean',
    outcomeSince: now - 1000,
    phase: null,
    diagnostic: null,
    excludedBecause: null,
    sweptAt: now - 500,
    sweep: 's',
    sweeps: 3,
    measured: {
      outcome: 'clean',
      at: now - 1000,
      changes: [],
      changeCounts: {},
      hiddenChanges: 2,
      resources: 9,
      fingerprint: null,
    },
    differs: null,
    isPerpetual: false,
    errorSince: null,
    durationMs: 2500,
    rememberedMs: 2000,
  };
  const drift = { cause: 'drift', since: now - 7_200_000 } as const;
  const measured = { ...clean.measured!, outcome: 'drift', changeCounts: { update: 2, replace: 1 } } as const;
  return [
    clean,
    { ...clean, stack: 'stacks/drift', outcome: 'drift', measured, differs: drift, isPerpetual: true },
    {
      ...clean,
      stack: 'stacks/failing',
      outcome: 'error',
      measured,
      differs: drift,
      errorSince: now - 60_000,
    },
    { ...clean, stack: 'stacks/"new"', outcome: 'unmeasured', measured: null, durationMs: null },
  ];
}

function lastSweep(): CollectorSnapshot['sweeps']['lastWhole'] {
  const none = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<
    (typeof outcomes)[number],
    number
  >;
  return {
    id: 's',
    trigger: 'schedule',
    who: 'holdfast',
    reason: null,
    only: null,
    startedAt: now - 60_000,
    deadlineMs: 3_600_000,
    source: '/infra',
    phase: 'finished',
    discovered: 4,
    counts: { ...none, clean: 1, drift: 1, error: 1, unmeasured: 1 },
    scope: scopeOf(4),
    end: endOf(now - 500, {
      predictedMs: 50_000,
      reclassified: 1,
      rules: [{ rule: 'r', matched: 0, expired: false }],
    }),
  };
}

function ages(ms: number) {
  return { sinceReportMs: ms, sinceObservedMs: ms };
}

function degraded(): NodeState['health'] {
  return {
    phase: 'watching',
    watchDegraded: 'no watches left',
    outboxDegraded: 'the disk is full',
    eventsDropped: 7,
  };
}

async function rendered(prepare: (metrics: CollectorMetrics) => void = () => {}): Promise<string> {
  const metrics = new CollectorMetrics();
  prepare(metrics);
  metrics.countRequest('GET', '/api/v1/nodes/{node}/drift', 200, 0.02);
  metrics.countRequest('POST', '/api/v1/nodes/{node}/reports', 409, 0.3);
  metrics.countReport('taken');
  metrics.countReport('base-mismatch');
  return Buffer.concat(await metrics.render(async () => snapshot)).toString();
}

describe('/metrics', () => {
  // Written anew by: node --test --test-update-snapshots FILE. Read the difference: alerts are written against it.
  it('looks as the golden file says', async (t) => {
    const text = (await rendered()).replace(
      `build_info{version="${version}"`,
      'build_info{version="VERSION"',
    );
    t.assert.fileSnapshot(text, golden, { serializers: [String] });
  });

  const skip = needTool('promtool', 'apt-get install -y prometheus');
  it('passes promtool check metrics without a remark, as a whole', { skip }, async () => {
    const input = await rendered((metrics) => metrics.measureProcess());
    assert.match(input, /^process_cpu_seconds_total /m);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: '' });
  });

  it('drops the series of what is no longer there', async () => {
    const metrics = new CollectorMetrics();
    await metrics.render(async () => snapshot);
    const text = String(
      await metrics.render(async () => ({
        ...snapshot,
        nodes: [],
        drift: [],
        sweeps: { stacks: [], lastWhole: null, running: 1 },
      })),
    );
    assert.ok(!/(?:node|stack)="/.test(text), text);
  });

  it('takes one snapshot for scrapes that come at the same time', async () => {
    const metrics = new CollectorMetrics();
    let taken = 0;
    const take = async () => {
      taken += 1;
      return snapshot;
    };
    const [a, b] = await Promise.all([metrics.render(take), metrics.render(take)]);
    assert.equal(a, b);
    assert.equal(taken, 1);
    await metrics.render(take);
    assert.equal(taken, 2);
  });
});
