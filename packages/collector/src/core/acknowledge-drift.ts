/**
 * An operator acknowledges standing drifts (seen, not accepted, until a time), or takes that back. The baseline does not
 * move. Rules:
 * 1. The caller may name what it looked at; if the node has moved on since, nothing is written.
 * 2. What is acknowledged anew gets the new time and reason, whatever it had.
 * 3. An acknowledgement that touches no drift is answered and audited, and is no line of the history.
 */
import { type Acknowledgement, isInForce, maxAcknowledgementDays, untilProblem } from '#core/acknowledgement';
import { type BaselineRefusal, recordOnly } from '#core/baseline-effects';
import { matchesDriftTag } from '#core/drift-tag';
import { nodeEvent } from '#core/event-record';
import { allBuckets } from '#core/judge';
import type { AuditRecord, Millis, NodeEffects, NodeState, NodeView, StandingDrift } from '#core/node-state';
import { compileSelection, type DriftSelection, unlessTooCostly } from '#core/select-drift';

export interface AcknowledgementRequest extends DriftSelection {
  /** The value of an `If-Match` header, or null; see drift-tag.ts. */
  readonly ifMatch: string | null;
  readonly who: string;
}

export type AcknowledgementDecision =
  | { readonly refuse: BaselineRefusal }
  | { readonly apply: NodeEffects; readonly outcome: { readonly drifts: number } };

export function decideAcknowledgement(
  view: NodeView,
  request: AcknowledgementRequest & { readonly reason: string; readonly until: Millis },
  now: Millis,
): AcknowledgementDecision {
  const problem = untilProblem(request.until, now, maxAcknowledgementDays);
  if (problem) return { refuse: { code: 'bad-request', detail: problem } };
  return unlessTooCostly(() => {
    const picked = pick(view, request, () => true);
    if ('refuse' in picked) return picked;
    const { who, reason, until } = request;
    const record: Acknowledgement = { at: now, who, reason, until };
    return write(picked, record, auditOf('acknowledge', picked, request, reason, now));
  });
}

/** Takes acknowledgements off those of the named drifts that have one in force. */
export function decideUnacknowledgement(
  view: NodeView,
  request: AcknowledgementRequest & { readonly reason: string | null },
  now: Millis,
): AcknowledgementDecision {
  return unlessTooCostly(() => {
    const picked = pick(view, request, ({ acknowledgement }) => isInForce(acknowledgement, now));
    if ('refuse' in picked) return picked;
    return write(picked, null, auditOf('unacknowledge', picked, request, request.reason, now));
  });
}

interface Picked {
  readonly state: NodeState;
  readonly drifts: readonly number[];
}

function pick(
  view: NodeView,
  request: AcknowledgementRequest,
  isWanted: (drift: StandingDrift) => boolean,
): Picked | { readonly refuse: BaselineRefusal } {
  const { state } = view;
  if (!state) return { refuse: { code: 'node-unknown', detail: 'no node of that name has reported' } };
  const { name } = state;
  if (state.deletedAt !== null) return { refuse: { code: 'node-deleted', detail: `${name} was deleted` } };
  if (request.ifMatch !== null && !matchesDriftTag(request.ifMatch, state)) {
    const detail = `${name} is no longer what If-Match names; look again`;
    return { refuse: { code: 'node-moved-on', detail } };
  }
  const selects = compileSelection(view, request);
  if (typeof selects !== 'function') return { refuse: selects };
  const drifts: number[] = [];
  for (const index of allBuckets) {
    for (const drift of view.standing(index)) {
      if (selects(drift.path) && isWanted(drift)) drifts.push(drift.id);
    }
  }
  return { state, drifts };
}

/** `record` null takes acknowledgements off. */
function write(
  { state, drifts }: Picked,
  record: Acknowledgement | null,
  audit: AuditRecord,
): AcknowledgementDecision {
  const kind = record ? 'drift-acknowledged' : 'drift-unacknowledged';
  const detail = `${drifts.length} by ${audit.who}`;
  const events = drifts.length > 0 ? [nodeEvent(kind, audit.at, detail)] : [];
  return {
    apply: { ...recordOnly(state, events, audit), acknowledge: { record, drifts } },
    outcome: { drifts: drifts.length },
  };
}

function auditOf(
  action: 'acknowledge' | 'unacknowledge',
  { state, drifts }: Picked,
  request: AcknowledgementRequest & { readonly until?: Millis },
  reason: string | null,
  now: Millis,
): AuditRecord {
  const details = {
    paths: request.paths?.join('\n') ?? null,
    drifts: request.drifts?.join(',') ?? null,
    until: request.until ?? null,
    count: drifts.length,
  };
  return { at: now, who: request.who, action, node: state.name, reason, details };
}
