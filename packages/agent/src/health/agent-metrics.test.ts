import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRegistry, type MetricSource } from './agent-metrics.ts';

function source(over: Partial<MetricSource> = {}): MetricSource {
  return {
    tally: {
      reports: new Map([
        ['acknowledged', 1],
        ['refused', 0],
      ]),
      changes: new Map([['watch', 4]]),
      hashedBytes: 1024,
    },
    manifest: () => ({ entries: 12, unread: 1 }),
    blindSpots: () => 2,
    scans: () => [{ net: 'full', startedAt: '2027-01-01T00:00:00.000Z', durationMs: 1500 }],
    aideStatus: () => 'drift',
    watchDegraded: () => false,
    outbox: () => ({ events: 3, bytes: 400, dropped: 5, degraded: true }),
    lastAcknowledged: () => 1_800_000_000,
    ...over,
  };
}

async function lines(over: Partial<MetricSource> = {}): Promise<string[]> {
  const text = await createRegistry(source(over)).metrics();
  return text.split('\n').filter((line) => line.startsWith('holdfast_agent_') && !line.includes('memory'));
}

test('the page shows what the agent knows of itself', async () => {
  const text = await createRegistry(source()).metrics();
  for (const line of [
    'holdfast_agent_ready 1',
    'holdfast_agent_entries 12',
    'holdfast_agent_unread_entries 1',
    'holdfast_agent_blind_spots 2',
    'holdfast_agent_watch_degraded 0',
    'holdfast_agent_aide_status{status="drift"} 1',
    'holdfast_agent_aide_status{status="same"} 0',
    'holdfast_agent_outbox_events 3',
    'holdfast_agent_outbox_bytes 400',
    'holdfast_agent_outbox_degraded 1',
    'holdfast_agent_events_dropped_total 5',
    'holdfast_agent_last_acknowledged_timestamp_seconds 1800000000',
    'holdfast_agent_scan_duration_seconds{net="full"} 1.5',
    'holdfast_agent_last_scan_timestamp_seconds{net="full"} 1798761601.5',
    'holdfast_agent_reports_total{outcome="acknowledged"} 1',
    'holdfast_agent_reports_total{outcome="refused"} 0',
    'holdfast_agent_changes_total{net="watch"} 4',
    'holdfast_agent_hash_bytes_total 1024',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} is not in:\n${text}`);
  }
});

test('what is not known yet is absent, never zero', async () => {
  const starting = await lines({ manifest: () => null, lastAcknowledged: () => null, scans: () => [] });
  assert.ok(starting.includes('holdfast_agent_ready 0'));
  for (const name of ['entries', 'unread_entries', 'last_acknowledged', 'scan_duration']) {
    assert.ok(!starting.some((line) => line.startsWith(`holdfast_agent_${name}`)), name);
  }
});

test('scraping twice does not count twice', async () => {
  const registry = createRegistry(source());
  await registry.metrics();
  const again = await registry.metrics();
  assert.match(again, /^holdfast_agent_events_dropped_total 5$/m);
  assert.match(again, /^holdfast_agent_changes_total\{net="watch"\} 4$/m);
});
