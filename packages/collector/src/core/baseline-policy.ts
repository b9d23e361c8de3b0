/**
 * The two cases in which a report moves a baseline with no operator: the first manifest, where the configuration
 * accepts it, and a change to a scope that the configuration expects.
 */
import { compileScope } from '@holdfast/shared/scope';
import { nodeEvent } from '#core/event-record';
import { followScope } from '#core/expected-scope';
import { whyPending } from '#core/initial-baseline';
import type { IntakeContext } from '#core/intake';
import type { ManifestSide } from '#core/manifest-edit';
import {
  type AuditRecord,
  type BaselineRecord,
  type BucketRecord,
  type EventRecord,
  type ManifestRecord,
  type NodeState,
  type NodeView,
  systemActor,
} from '#core/node-state';
import type { Observed } from '#core/observe-report';

/** What of a node's state a move of the baseline changes, and the records that go with it. */
export interface BaselineMove {
  readonly state: Pick<NodeState, 'baseline' | 'pendingBecause'>;
  /** Null: the baseline did not move, only the reason for its absence did. */
  readonly side: ManifestSide | null;
  readonly buckets: readonly BucketRecord[];
  readonly manifests: readonly ManifestRecord[];
  readonly events: readonly EventRecord[];
  readonly audit: AuditRecord | null;
}

export function moveByPolicy(
  view: NodeView,
  state: NodeState,
  observed: Observed,
  context: IntakeContext,
): BaselineMove | null {
  return state.baseline === null
    ? acceptInitial(view, observed, context)
    : followExpectedScope(view, state.baseline, observed, context);
}

function acceptInitial(view: NodeView, observed: Observed, context: IntakeContext): BaselineMove {
  const { record } = observed.side;
  const siblings = () => view.siblingEntries(record.scopeDigest);
  const rules = view.scope(record.scopeDigest)?.paths ?? [];
  const isOptional = (path: string) => rules.some((rule) => rule.path === path && rule.optional === true);
  const { initialBaseline } = context;
  const pendingBecause = view.wasLost()
    ? 'the collector knew this node before it went back to a backup'
    : whyPending(initialBaseline, record, observed.blindSpots, isOptional, siblings);
  if (pendingBecause !== null) {
    const state = { baseline: null, pendingBecause };
    return { state, side: null, buckets: [], manifests: [], events: [], audit: null };
  }
  const baseline: BaselineRecord = {
    sequence: 1,
    manifest: record.digest,
    acceptedAt: context.now,
    acceptedBy: systemActor,
    reason: 'first report',
    reviewed: false,
    paths: record.entries,
    restoredFrom: null,
  };
  return {
    state: { baseline, pendingBecause: null },
    side: observed.side,
    buckets: [],
    manifests: [],
    ...recordsOf('accept-initial', baseline, context),
  };
}

function followExpectedScope(
  view: NodeView,
  before: BaselineRecord,
  observed: Observed,
  context: IntakeContext,
): BaselineMove | null {
  const { scopeDigest } = observed.side.record;
  if (!context.expectedScopes.has(scopeDigest)) return null;
  const record = view.manifest(before.manifest);
  if (record.scopeDigest === scopeDigest) return null;
  const [oldScope, newScope] = [view.scope(record.scopeDigest), view.scope(scopeDigest)];
  if (!oldScope || !newScope) throw new Error(`the store lacks a scope of ${context.node}`);
  const scopes = { baseline: compileScope(oldScope), observed: compileScope(newScope) };
  const edit = followScope(record, observed.side, scopes, view);
  const { side, buckets } = edit.finish(scopeDigest);
  const baseline: BaselineRecord = {
    sequence: before.sequence + 1,
    manifest: side.record.digest,
    acceptedAt: context.now,
    acceptedBy: systemActor,
    reason: 'the configuration expects this scope',
    reviewed: false,
    paths: [...edit.changes()].length,
    restoredFrom: null,
  };
  return {
    state: { baseline, pendingBecause: null },
    side,
    buckets,
    manifests: [side.record],
    ...recordsOf('accept-expected-scope', baseline, context),
  };
}

function recordsOf(
  action: 'accept-initial' | 'accept-expected-scope',
  baseline: BaselineRecord,
  { node, now }: IntakeContext,
): { events: readonly EventRecord[]; audit: AuditRecord } {
  const { sequence, manifest, paths, reason } = baseline;
  return {
    events: [nodeEvent('baseline-accepted', now, `baseline ${sequence}: ${reason}`)],
    audit: { at: now, who: systemActor, action, node, reason, details: { sequence, manifest, paths } },
  };
}
