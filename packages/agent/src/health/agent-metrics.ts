/** The agent's own `/metrics`. The collector's shows the fleet; these are for looking at one agent closely. */
import { Counter, Gauge, Registry } from 'prom-client';
import { nets } from '@holdfast/shared/wire';
import type { ReportOutcome } from '#core/collector-outcome';
import { version } from '../version.ts';
import { addSeries, type Series } from './add-series.ts';
import { processSeries } from './process-metrics.ts';

type Outcome = ReportOutcome['kind'];

/** How reports end. */
const outcomes: readonly Outcome[] = [
  'acknowledged',
  'base-mismatch',
  'scope-unknown',
  'refused',
  'unavailable',
];

/** What the metrics show, looked up at each scrape. */
export interface MetricSource {
  /** Null until the first full scan has ended. */
  readonly manifest: () => { readonly entries: number; readonly unread: number } | null;
  readonly blindSpots: () => number;
  readonly scans: () => readonly {
    readonly net: string;
    readonly startedAt: string;
    readonly durationMs: number;
  }[];
  readonly watchDegraded: () => boolean;
  readonly outbox: () => {
    readonly events: number;
    readonly bytes: number;
    readonly dropped: number;
    readonly degraded: boolean;
  };
  /** Seconds since 1970; null if nothing was acknowledged since the start. */
  readonly lastAcknowledged: () => number | null;
}

export interface AgentMetrics {
  readonly registry: Registry;
  countReport(outcome: Outcome): void;
  countChanges(net: string, changes: number): void;
  countHashed(bytes: number): void;
}

export function createAgentMetrics(source: MetricSource): AgentMetrics {
  const registry = new Registry();
  const buildInfo = new Gauge({
    name: 'holdfast_agent_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  });
  buildInfo.set({ version }, 1);
  addSeries(registry, [...agentSeries(source), ...processSeries]);
  for (const metric of scanGauges(source)) registry.registerMetric(metric);
  const reports = new Counter({
    name: 'holdfast_agent_reports_total',
    help: 'Reports sent, by how they ended.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of outcomes) reports.inc({ outcome }, 0);
  const changes = new Counter({
    name: 'holdfast_agent_changes_total',
    help: 'Changes of entries, by the net that found them.',
    labelNames: ['net'],
    registers: [registry],
  });
  for (const net of nets) changes.inc({ net }, 0);
  const hashed = new Counter({
    name: 'holdfast_agent_hash_bytes_total',
    help: 'Bytes read and hashed by scans that have ended.',
    registers: [registry],
  });
  return {
    registry,
    countReport: (outcome) => reports.inc({ outcome }),
    countChanges: (net, count) => changes.inc({ net }, count),
    countHashed: (bytes) => hashed.inc(bytes),
  };
}

function agentSeries(source: MetricSource): Series[] {
  const series = (kind: Series['kind'], name: string, help: string, read: Series['read']): Series => ({
    kind,
    name: `holdfast_agent_${name}`,
    help,
    read,
  });
  const { manifest, outbox } = source;
  return [
    series('gauge', 'ready', '1 once the first manifest is there.', () => Number(manifest() !== null)),
    series('gauge', 'entries', 'Entries of the manifest.', () => manifest()?.entries ?? null),
    series(
      'gauge',
      'unread_entries',
      'Entries that could not be measured in full.',
      () => manifest()?.unread ?? null,
    ),
    series('gauge', 'blind_spots', 'Places of the scope that could not be seen into.', source.blindSpots),
    series(
      'gauge',
      'watch_degraded',
      '1 while the watcher does not work and the metadata sweep stands in.',
      () => Number(source.watchDegraded()),
    ),
    series('gauge', 'outbox_events', 'Events that wait for the collector.', () => outbox().events),
    series('gauge', 'outbox_bytes', 'Bytes that the outbox takes on disk.', () => outbox().bytes),
    series('gauge', 'outbox_degraded', '1 while events may be lost.', () => Number(outbox().degraded)),
    series(
      'counter',
      'events_dropped_total',
      'Events dropped because the outbox was full, over all restarts.',
      () => outbox().dropped,
    ),
    series(
      'gauge',
      'last_acknowledged_timestamp_seconds',
      'When the collector last acknowledged a report.',
      source.lastAcknowledged,
    ),
  ];
}

function scanGauges(source: MetricSource): Gauge[] {
  const perNet = (
    name: string,
    help: string,
    read: (startedMs: number, durationMs: number) => number,
  ): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['net'],
      registers: [],
      collect() {
        for (const { net, startedAt, durationMs } of source.scans()) {
          this.set({ net }, read(Date.parse(startedAt), durationMs));
        }
      },
    });
  return [
    perNet(
      'holdfast_agent_scan_duration_seconds',
      'How long the newest scan of each net took.',
      (_, durationMs) => durationMs / 1000,
    ),
    perNet(
      'holdfast_agent_last_scan_timestamp_seconds',
      'When the newest scan of each net ended.',
      (startedMs, durationMs) => (startedMs + durationMs) / 1000,
    ),
  ];
}
