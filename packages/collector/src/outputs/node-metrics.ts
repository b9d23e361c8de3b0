/**
 * The series of nodes, written anew from the store at each scrape: a node that was deleted and a drift that ended
 * leave no series behind, and a restart changes nothing.
 */
import { type NodeStatus, nodeStatus, nodeStatuses, type StatusContext } from '#core/node-status';
import type { Millis } from '#core/node-state';
import type { ChangeWindow } from '#core/change-window';
import type { AuditHead } from '#core/audit-chain';
import { isBaselineReviewed } from '#core/review-node';
import type { NodeSummary, ShownDrift, ShownDrifts } from '#store/store';
import { aideSeries } from './aide-metrics.ts';
import { exposition, expositionOf, type Family } from './exposition.ts';

export interface FleetSnapshot {
  readonly auditHead: AuditHead;
  readonly openWindows: readonly ChangeWindow[];
  readonly now: Millis;
  readonly nodes: readonly NodeSummary[];
  /** Of the nodes that drift. */
  readonly drift: readonly ShownDrifts[];
  readonly isOverQuota: (node: string) => boolean;
  readonly statusOf: (node: string) => StatusContext;
}

export type NodesSnapshot = Pick<FleetSnapshot, 'now' | 'nodes' | 'drift' | 'isOverQuota' | 'statusOf'>;

/** What the series of one node are made of. */
interface NodeFacts {
  readonly summary: NodeSummary;
  readonly status: NodeStatus;
  readonly isSilent: boolean;
  readonly isUnknown: boolean;
  readonly isOverQuota: boolean;
  /** Standing drifts that have a series of their own. */
  readonly paths: readonly string[];
  /** Those of them that someone has acknowledged. */
  readonly acknowledged: readonly string[];
  /** Those of them that a window expected. */
  readonly expected: readonly string[];
  /** How many drifts that nothing explains have no series of their own. */
  readonly unexplainedHidden: number;
}

/** The text of all series of nodes. */
export function exposeNodes(snapshot: FleetSnapshot): Promise<Buffer[]> {
  const nameOf = ({ summary }: NodeFacts) => summary.state.name;
  return exposition(nodeSeries, { label: 'node', all: factsOf(snapshot), nameOf });
}

/** Series that move with every report, whatever it says. */
const restless = new Set([
  'holdfast_node_last_report_timestamp_seconds',
  'holdfast_node_last_scan_timestamp_seconds',
  'holdfast_node_scan_duration_seconds',
]);

/** The text of the series of each node, apart: those that say how it stands, and those that move with every report. */
export function* exposeEachNode(
  snapshot: NodesSnapshot,
): Generator<{ readonly node: string; readonly steady: string; readonly restless: string }> {
  const steadySeries = nodeSeries.filter(({ name }) => !restless.has(name));
  const restlessSeries = nodeSeries.filter(({ name }) => restless.has(name));
  for (const facts of factsOf(snapshot)) {
    const { name } = facts.summary.state;
    const of = { label: 'node', name, subject: facts };
    yield { node: name, steady: expositionOf(steadySeries, of), restless: expositionOf(restlessSeries, of) };
  }
}

function factsOf({ now, nodes, drift, isOverQuota, statusOf }: NodesSnapshot): NodeFacts[] {
  const driftOf = new Map(drift.map((drifts) => [drifts.node, drifts]));
  return nodes.map((summary) => {
    const { name } = summary.state;
    const { status, statuses } = nodeStatus(summary, statusOf(name));
    const { shown, unexplained } = driftOf.get(name) ?? { shown: [], unexplained: 0 };
    const isAcknowledged = ({ acknowledgedUntil: until }: ShownDrift) => until !== null && now < until;
    const pathsOf = (which: (drift: ShownDrift) => boolean) => shown.filter(which).map(({ path }) => path);
    const unexplainedShown = pathsOf((each) => !each.isExpected && !isAcknowledged(each));
    return {
      summary,
      status,
      isSilent: statuses.includes('silent'),
      isUnknown: statuses.includes('unknown'),
      isOverQuota: isOverQuota(name),
      paths: pathsOf(() => true),
      acknowledged: pathsOf(isAcknowledged),
      expected: pathsOf(({ isExpected }) => isExpected),
      unexplainedHidden: unexplained - unexplainedShown.length,
    };
  });
}

const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  write: Family<NodeFacts>['write'],
): Family<NodeFacts> => ({ name, help, type: 'gauge', labels, write });

/** Every series that has a label `node`. */
export const nodeSeries: readonly Family<NodeFacts>[] = [
  gauge('aide_drift_detected', '1 while the drift of this path stands.', ['path'], ({ paths }, sample) => {
    for (const path of paths) sample(1, path);
  }),
  gauge(
    'holdfast_drift_acknowledged',
    '1 while the drift of this path stands and an operator has taken note of it.',
    ['path'],
    ({ acknowledged }, sample) => {
      for (const path of acknowledged) sample(1, path);
    },
  ),
  gauge(
    'holdfast_drift_expected',
    '1 while the drift of this path stands and a window expected it.',
    ['path'],
    ({ expected }, sample) => {
      for (const path of expected) sample(1, path);
    },
  ),
  gauge(
    'holdfast_node_drift_paths',
    'Standing drifts, by kind of change.',
    ['change'],
    ({ summary: { drift } }, sample) => {
      sample(drift.added, 'added');
      sample(drift.removed, 'removed');
      sample(drift.changed, 'changed');
    },
  ),
  gauge(
    'holdfast_node_drift_paths_hidden',
    'Standing drifts without a series aide_drift_detected of their own, because the node has too many.',
    [],
    ({ summary: { drift }, paths }, sample) =>
      sample(Math.max(0, drift.added + drift.removed + drift.changed - paths.length)),
  ),
  gauge(
    'holdfast_node_drift_paths_hidden_unexplained',
    'Those of them that nobody has acknowledged and no window expected.',
    [],
    ({ unexplainedHidden }, sample) => sample(unexplainedHidden),
  ),
  gauge(
    'holdfast_node_drift_since_timestamp_seconds',
    'When the oldest drift that stands was first seen.',
    [],
    ({ summary: { oldestDriftAt } }, sample) => {
      if (oldestDriftAt !== null) sample(oldestDriftAt / 1000);
    },
  ),
  gauge(
    'holdfast_node_last_report_timestamp_seconds',
    'When the last report came in.',
    [],
    ({ summary: { state } }, sample) => sample(state.lastReportAt / 1000),
  ),
  gauge(
    'holdfast_node_silent',
    '1 while nothing has come from the node for longer than is allowed.',
    [],
    ({ isSilent }, sample) => sample(isSilent ? 1 : 0),
  ),
  gauge(
    'holdfast_node_unknown',
    '1 while something keeps it from being known how the node stands, whatever else the status says.',
    [],
    ({ isUnknown }, sample) => sample(isUnknown ? 1 : 0),
  ),
  gauge(
    'holdfast_node_last_scan_timestamp_seconds',
    'When the newest completed run of this net ended, by the clock of the collector.',
    ['net'],
    ({ summary: { state } }, sample) => {
      for (const scan of state.scans)
        sample(scanEnd(scan, state.agent.clock, state.lastReportAt) / 1000, scan.net);
    },
  ),
  gauge(
    'holdfast_node_scan_duration_seconds',
    'How long the newest completed run of this net took.',
    ['net'],
    ({ summary: { state } }, sample) => {
      for (const { net, durationMs } of state.scans) sample(durationMs / 1000, net);
    },
  ),
  gauge(
    'holdfast_node_baseline_accepted_timestamp_seconds',
    'When the present baseline was accepted.',
    [],
    ({ summary: { state } }, sample) => {
      if (state.baseline) sample(state.baseline.acceptedAt / 1000);
    },
  ),
  gauge(
    'holdfast_node_baseline_reviewed',
    '1 if who accepted the present baseline named what they had looked at, or it was reviewed since.',
    [],
    ({ summary: { state } }, sample) => {
      if (state.baseline) sample(isBaselineReviewed(state) ? 1 : 0);
    },
  ),
  gauge(
    'holdfast_node_reviewed_timestamp_seconds',
    'When someone last named all that differs as looked at.',
    [],
    ({ summary: { state } }, sample) => {
      if (state.review) sample(state.review.at / 1000);
    },
  ),
  gauge(
    'holdfast_node_status',
    '1 for the worst status that holds, 0 for the others.',
    ['status'],
    ({ status }, sample) => {
      for (const each of nodeStatuses) sample(each === status ? 1 : 0, each);
    },
  ),
  ...aideSeries(gauge),
  gauge(
    'holdfast_node_unknown_paths',
    'Paths that cannot be measured in full at present.',
    [],
    ({ summary }, sample) => sample(summary.unknownPaths),
  ),
  {
    name: 'holdfast_node_events_dropped_total',
    help: 'Events that the agents of the node dropped because their outbox was full.',
    type: 'counter',
    labels: [],
    write: ({ summary: { state } }, sample) => sample(state.eventsDropped),
  },
  gauge(
    'holdfast_node_watch_degraded',
    '1 while the watcher of the agent does not work and the metadata sweep stands in.',
    [],
    ({ summary: { state } }, sample) => sample(state.health.watchDegraded === null ? 0 : 1),
  ),
  gauge(
    'holdfast_node_outbox_degraded',
    '1 while the outbox of the agent does not work, so that events may be lost.',
    [],
    ({ summary: { state } }, sample) => sample(state.health.outboxDegraded === null ? 0 : 1),
  ),
  gauge(
    'holdfast_node_instance_refused',
    '1 while a second agent that reports as this node is refused.',
    [],
    ({ summary: { state } }, sample) => {
      if (state.refusedInstance !== null) sample(1);
    },
  ),
  gauge(
    'holdfast_node_over_quota',
    '1 while reports of the node are refused because it has reported more than it may.',
    [],
    ({ isOverQuota }, sample) => {
      if (isOverQuota) sample(1);
    },
  ),
  gauge(
    'holdfast_node_info',
    'Always 1; the labels say what runs on the node.',
    ['agent_version', 'kernel', 'os', 'scope_digest'],
    ({ summary: { state, observedScope } }, sample) =>
      sample(1, state.agent.version, state.agent.kernel, state.agent.os, observedScope ?? ''),
  ),
];

/** By our own clock: the agent's says only how old the scan was when it was told of, so a wrong one cancels out. */
function scanEnd(
  scan: { readonly startedAt: string; readonly durationMs: number },
  agentClock: string,
  told: Millis,
): Millis {
  const age = Date.parse(agentClock) - (Date.parse(scan.startedAt) + scan.durationMs);
  return told - Math.max(0, age);
}
