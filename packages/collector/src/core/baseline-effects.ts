/** What must be written when an operator has moved a node's baseline, or put their name to it. */
import { allBuckets, type Judgement, judge, visibilityBetween } from '#core/judge';
import { type FinishedEdit, type ManifestSide, sideOf } from '#core/manifest-edit';
import {
  type AuditRecord,
  type BaselineRecord,
  type EventRecord,
  type NodeEffects,
  type NodeState,
  type NodeView,
  noDriftEffects,
} from '#core/node-state';

export interface BaselineRefusal {
  readonly code:
    | 'node-unknown'
    | 'node-deleted'
    | 'nothing-observed'
    | 'node-moved-on'
    | 'bad-request'
    | 'not-found';
  readonly detail: string;
}

/** Effects that change nothing but the state, the history and the audit log. */
export function recordOnly(
  state: NodeState,
  events: readonly EventRecord[],
  audit: AuditRecord | null,
): NodeEffects {
  return {
    state,
    buckets: [],
    manifests: [],
    scope: null,
    newBaseline: null,
    drift: noDriftEffects,
    events,
    commandsDone: [],
    commands: [],
    aide: null,
    audit,
  };
}

export interface MovedBaseline {
  /** The state with the new baseline in it. */
  readonly state: NodeState;
  readonly newBaseline: BaselineRecord;
  readonly finished: FinishedEdit;
  readonly event: EventRecord;
  readonly audit: AuditRecord;
}

export function moveEffects(moved: MovedBaseline, judgement: Judgement | null): NodeEffects {
  const { state, newBaseline, finished, event, audit } = moved;
  return {
    ...recordOnly(state, [event], audit),
    buckets: finished.buckets,
    manifests: [finished.side.record],
    newBaseline,
    drift: judgement?.effects ?? noDriftEffects,
  };
}

/** Judges the whole node against `baseline`, whose acceptance took some paths over. Null: nothing is observed. */
export function judgeWhole(
  view: NodeView,
  state: NodeState,
  baseline: ManifestSide,
  tookOver: ReadonlySet<string>,
): Judgement | null {
  if (state.observed === null) return null;
  const observed = sideOf(view.manifest(state.observed), view);
  const visibility = visibilityBetween(
    view,
    baseline.record.scopeDigest,
    observed.record.scopeDigest,
    state.blindSpots,
  );
  const comparison = { baseline, observed, visibility };
  return judge(view, comparison, allBuckets, 'accepted', (path) => tookOver.has(path));
}
