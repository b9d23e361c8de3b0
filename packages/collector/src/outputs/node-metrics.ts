/**
 * The series of nodes, written anew from the store at each scrape: a node that was deleted and a drift that ended
 * leave no series behind, and a restart changes nothing.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { nodeStatus, nodeStatuses, type StatusContext } from '#core/node-status';
import type { Millis } from '#core/node-state';
import type { NodeSummary } from '#store/store';

export interface FleetSnapshot {
  readonly nodes: readonly NodeSummary[];
  /** At most so many a node as the configuration allows. */
  readonly drift: readonly { readonly node: string; readonly path: string }[];
  readonly statusOf: (node: string) => StatusContext;
}

export class NodeMetrics {
  readonly #series;

  constructor(registry: Registry) {
    this.#series = declareSeries(registry);
  }

  show({ nodes, drift, statusOf }: FleetSnapshot): void {
    for (const series of Object.values(this.#series)) series.reset();
    const shown = new Map<string, number>();
    for (const { node, path } of drift) {
      shown.set(node, (shown.get(node) ?? 0) + 1);
      this.#series.detected.set({ node, path }, 1);
    }
    for (const summary of nodes) {
      this.#showDrift(summary, shown.get(summary.state.name) ?? 0);
      this.#showStatus(summary, statusOf(summary.state.name));
      this.#showReport(summary);
    }
  }

  #showDrift({ state, drift, oldestDriftAt }: NodeSummary, shown: number): void {
    const node = state.name;
    const all = drift.added + drift.removed + drift.changed;
    for (const change of ['added', 'removed', 'changed'] as const)
      this.#series.driftPaths.set({ node, change }, drift[change]);
    this.#series.hidden.set({ node }, Math.max(0, all - shown));
    if (oldestDriftAt !== null) this.#series.driftSince.set({ node }, oldestDriftAt / 1000);
  }

  #showStatus(summary: NodeSummary, context: StatusContext): void {
    const { state, unknownPaths } = summary;
    const node = state.name;
    const { status, statuses } = nodeStatus(summary, context);
    for (const each of nodeStatuses) this.#series.status.set({ node, status: each }, each === status ? 1 : 0);
    this.#series.silent.set({ node }, statuses.includes('silent') ? 1 : 0);
    this.#series.unknownPaths.set({ node }, unknownPaths);
    if (state.baseline === null) return;
    this.#series.baselineAccepted.set({ node }, state.baseline.acceptedAt / 1000);
    this.#series.baselineReviewed.set({ node }, state.baseline.reviewed ? 1 : 0);
  }

  #showReport({ state, observedScope }: NodeSummary): void {
    const { name: node, agent, health, scans, lastReportAt } = state;
    this.#series.lastReport.set({ node }, lastReportAt / 1000);
    this.#series.watchDegraded.set({ node }, health.watchDegraded === null ? 0 : 1);
    this.#series.outboxDegraded.set({ node }, health.outboxDegraded === null ? 0 : 1);
    this.#series.eventsDropped.inc({ node }, health.eventsDropped);
    for (const scan of scans) {
      const { net } = scan;
      this.#series.lastScan.set({ node, net }, scanEnd(scan, agent.clock, lastReportAt) / 1000);
      this.#series.scanDuration.set({ node, net }, scan.durationMs / 1000);
    }
    this.#series.info.set(
      {
        node,
        agent_version: agent.version,
        kernel: agent.kernel,
        os: agent.os,
        scope_digest: observedScope ?? '',
      },
      1,
    );
  }
}

/** By our own clock: the agent's says only how old the scan was when it was told of, so a wrong one cancels out. */
function scanEnd(
  scan: { readonly startedAt: string; readonly durationMs: number },
  agentClock: string,
  told: Millis,
): Millis {
  const age = Date.parse(agentClock) - (Date.parse(scan.startedAt) + scan.durationMs);
  return told - Math.max(0, age);
}

function declareSeries(registry: Registry) {
  const registers = [registry];
  const gauge = <const Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ) => new Gauge({ name, help, labelNames: ['node', ...labelNames], registers });
  return {
    detected: gauge('aide_drift_detected', '1 while the drift of this path stands.', ['path']),
    driftPaths: gauge('holdfast_node_drift_paths', 'Standing drifts, by kind of change.', ['change']),
    hidden: gauge(
      'holdfast_node_drift_paths_hidden',
      'Standing drifts without a series aide_drift_detected of their own, because the node has too many.',
    ),
    driftSince: gauge(
      'holdfast_node_drift_since_timestamp_seconds',
      'When the oldest drift that stands was first seen.',
    ),
    lastReport: gauge('holdfast_node_last_report_timestamp_seconds', 'When the last report came in.'),
    silent: gauge(
      'holdfast_node_silent',
      '1 while nothing has come from the node for longer than is allowed.',
    ),
    lastScan: gauge(
      'holdfast_node_last_scan_timestamp_seconds',
      "When the newest completed run of this net ended, by the agent's clock, and not after the last report.",
      ['net'],
    ),
    scanDuration: gauge(
      'holdfast_node_scan_duration_seconds',
      'How long the newest completed run of this net took.',
      ['net'],
    ),
    baselineAccepted: gauge(
      'holdfast_node_baseline_accepted_timestamp_seconds',
      'When the present baseline was accepted.',
    ),
    baselineReviewed: gauge(
      'holdfast_node_baseline_reviewed',
      '1 if who accepted the present baseline named what they had looked at.',
    ),
    status: gauge('holdfast_node_status', '1 for the worst status that holds, 0 for the others.', ['status']),
    unknownPaths: gauge('holdfast_node_unknown_paths', 'Paths that cannot be measured in full at present.'),
    eventsDropped: new Counter({
      name: 'holdfast_node_events_dropped_total',
      help: "Events that the agent dropped because its outbox was full, since the outbox's journal began.",
      labelNames: ['node'],
      registers,
    }),
    watchDegraded: gauge(
      'holdfast_node_watch_degraded',
      '1 while the watcher of the agent does not work and the metadata sweep stands in.',
    ),
    outboxDegraded: gauge(
      'holdfast_node_outbox_degraded',
      '1 while the outbox of the agent does not work, so that events may be lost.',
    ),
    info: gauge('holdfast_node_info', 'Always 1; the labels say what runs on the node.', [
      'agent_version',
      'kernel',
      'os',
      'scope_digest',
    ]),
  };
}
