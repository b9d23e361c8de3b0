/** The agent's own `/metrics`. The collector's shows the fleet; these are for looking at one agent closely. */
import { Counter, Gauge, Registry } from 'prom-client';
import { type AideStatus, aideStatuses } from '@holdfast/shared/wire-aide';
import { version } from '../version.ts';
import { addSeries, type Series } from './add-series.ts';
import { processSeries } from './process-metrics.ts';
import type { Tally } from './tally.ts';

/** What the metrics show, looked up at each scrape. */
export interface MetricSource {
  readonly tally: Pick<Tally, 'reports' | 'changes' | 'hashedBytes'>;
  /** Null until the first full scan has ended. */
  readonly manifest: () => { readonly entries: number; readonly unread: number } | null;
  readonly blindSpots: () => number;
  readonly scans: () => readonly {
    readonly net: string;
    readonly startedAt: string;
    readonly durationMs: number;
  }[];
  readonly aideStatus: () => AideStatus;
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

export function createRegistry(source: MetricSource): Registry {
  const registry = new Registry();
  const buildInfo = new Gauge({
    name: 'holdfast_agent_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  });
  buildInfo.set({ version }, 1);
  addSeries(registry, [...agentSeries(source), ...processSeries]);
  for (const metric of [...scanGauges(source), ...tallyCounters(source), aideGauge(source)])
    registry.registerMetric(metric);
  return registry;
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
      'counter',
      'hash_bytes_total',
      'Bytes read and hashed by scans that have ended.',
      () => source.tally.hashedBytes,
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

function aideGauge(source: MetricSource): Gauge {
  return new Gauge({
    name: 'holdfast_agent_aide_status',
    help: '1 for the status that AIDE’s engine is in, 0 for the others.',
    labelNames: ['status'],
    registers: [],
    collect() {
      const now = source.aideStatus();
      for (const status of aideStatuses) this.set({ status }, Number(status === now));
    },
  });
}

function tallyCounters({ tally }: MetricSource): Counter[] {
  const perLabel = (
    name: string,
    help: string,
    label: string,
    counts: ReadonlyMap<string, number>,
  ): Counter =>
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [],
      collect() {
        this.reset();
        for (const [value, count] of counts) this.inc({ [label]: value }, count);
      },
    });
  return [
    perLabel('holdfast_agent_reports_total', 'Reports sent, by how they ended.', 'outcome', tally.reports),
    perLabel(
      'holdfast_agent_changes_total',
      'Changes of entries, by the net that found them.',
      'net',
      tally.changes,
    ),
  ];
}
