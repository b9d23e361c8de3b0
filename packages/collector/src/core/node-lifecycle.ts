/** What an operator does with a node as a whole: delete it, let it come back, ask it to scan. */
import { recordOnly } from '#core/baseline-effects';
import { nodeEvent } from '#core/event-record';
import type { AuditAction, AuditRecord, Millis, NodeEffects, NodeState, NodeView } from '#core/node-state';

export interface LifecycleRequest {
  readonly who: string;
  readonly reason: string | null;
}

export interface LifecycleRefusal {
  readonly code: 'node-unknown' | 'node-deleted';
  readonly detail: string;
}

export type LifecycleDecision<Outcome> =
  | { readonly refuse: LifecycleRefusal }
  | { readonly apply: NodeEffects | null; readonly outcome: Outcome };

/** Its reports are refused from now on, and its drift no longer shows; its history stays. */
export function decideDeletion(
  view: NodeView,
  request: LifecycleRequest,
  now: Millis,
): LifecycleDecision<{ readonly deletedAt: Millis }> {
  const live = liveNode(view);
  if ('code' in live) return { refuse: live };
  const state: NodeState = { ...live, deletedAt: now };
  const events = [nodeEvent('node-deleted', now, `by ${request.who}`)];
  return {
    apply: recordOnly(state, events, auditOf('delete-node', live, request, now)),
    outcome: { deletedAt: now },
  };
}

/**
 * A deleted node may report again, and so may an instance that was refused. The baseline is the one it had: it never
 * gets a new one by this. Does nothing to a node that neither applies to.
 */
export function decideReadmission(
  view: NodeView,
  request: LifecycleRequest,
  now: Millis,
): LifecycleDecision<{ readonly readmitted: boolean }> {
  const { state } = view;
  if (!state) return { refuse: nodeUnknown };
  if (state.deletedAt === null && state.refusedInstance === null) {
    return { apply: null, outcome: { readmitted: false } };
  }
  const events = [nodeEvent('node-readmitted', now, `by ${request.who}`)];
  const readmitted: NodeState = { ...state, deletedAt: null, refusedInstance: null, retired: [] };
  return {
    apply: recordOnly(readmitted, events, auditOf('readmit-node', state, request, now)),
    outcome: { readmitted: true },
  };
}

/** The agent is asked for a full scan. */
export function decideRescan(
  view: NodeView,
  request: LifecycleRequest,
  now: Millis,
): LifecycleDecision<{ readonly askedAt: Millis }> {
  const live = liveNode(view);
  if ('code' in live) return { refuse: live };
  const events = [nodeEvent('rescan-asked', now, `by ${request.who}`)];
  const audit = auditOf('rescan', live, request, now);
  return {
    apply: { ...recordOnly(live, events, audit), commands: ['rescan'] },
    outcome: { askedAt: now },
  };
}

const nodeUnknown: LifecycleRefusal = {
  code: 'node-unknown',
  detail: 'no node of that name has reported',
};

function liveNode({ state }: NodeView): NodeState | LifecycleRefusal {
  if (!state) return nodeUnknown;
  return state.deletedAt === null ? state : { code: 'node-deleted', detail: `${state.name} was deleted` };
}

function auditOf(
  action: AuditAction,
  { name }: NodeState,
  { who, reason }: LifecycleRequest,
  at: Millis,
): AuditRecord {
  return { at, who, action, node: name, reason, details: {} };
}
