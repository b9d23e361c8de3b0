/** A node as the API shows it. */
import { nodeStatus, type StatusContext } from '#core/node-status';
import type { BaselineRecord } from '#core/node-state';
import { isBaselineReviewed } from '#core/review-node';
import type { NodeSummary, Store } from '#store/store';
import { aideAnswer } from './aide-answer.ts';
import { ProblemError } from './problem.ts';
import { timestamp } from './route.ts';

export function nodeAnswer(summary: NodeSummary, context: StatusContext) {
  const { state, drift, unknownPaths } = summary;
  return {
    name: state.name,
    ...nodeStatus(summary, context),
    pendingBecause: state.pendingBecause,
    counts: { entries: summary.observedEntries, drift, unknown: unknownPaths },
    driftSince: timestamp(summary.oldestDriftAt),
    observed: state.observed,
    scopeDigest: summary.observedScope,
    baseline: state.baseline && { ...baselineAnswer(state.baseline), scopeDigest: summary.baselineScope },
    reviewed: isBaselineReviewed(state),
    reviewedAt: timestamp(state.review?.at ?? null),
    reviewedBy: state.review?.by ?? null,
    firstSeenAt: timestamp(state.firstSeenAt),
    lastReportAt: timestamp(state.lastReportAt),
    observedAt: timestamp(state.observedAt),
    silentForSeconds: Math.floor(context.ages.sinceReportMs / 1000),
    scans: state.scans,
    agent: state.agent,
    health: state.health,
    blindSpots: state.blindSpots,
    aide: aideAnswer(state.aide),
    reimagedAt: timestamp(state.reimagedAt),
    refusedInstance: state.refusedInstance,
    deletedAt: timestamp(state.deletedAt),
  };
}

export function baselineAnswer(baseline: BaselineRecord) {
  return { ...baseline, acceptedAt: timestamp(baseline.acceptedAt) };
}

/** The node, deleted or not. Throws the problem `node-unknown`. */
export async function knownNode(store: Store, name: string): Promise<NodeSummary> {
  const summary = await store.node(name);
  if (!summary)
    throw new ProblemError('node-unknown', `No node called ${name} has reported to this collector.`);
  return summary;
}
