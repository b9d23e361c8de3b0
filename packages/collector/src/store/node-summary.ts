import type { NodeRecord } from '#store/node-rows';
import type { NodeSummary } from '#store/store';

export function toSummary({ state, observed, baseline, drift, unknownPaths }: NodeRecord): NodeSummary {
  return {
    state,
    observedEntries: observed?.entries ?? 0,
    observedScope: observed?.scopeDigest ?? null,
    baselineScope: baseline?.scopeDigest ?? null,
    drift: { added: drift.added, removed: drift.removed, changed: drift.changed },
    oldestDriftAt: drift.oldestAt,
    unknownPaths,
  };
}
