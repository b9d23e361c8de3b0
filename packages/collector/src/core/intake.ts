/**
 * What happens to a node's state when a report arrives. Rules, in order:
 * 1. A deleted node, and an instance that lost a conflict, are refused.
 * 2. The sequence that was applied last is a repeat: answered as before, nothing changes. A lower one is refused.
 * 3. Another instance than the present one takes over (instances.ts).
 * 4. The scope must be known, or come along; a report that contradicts itself is refused.
 * 5. Without a result (the agent is starting) facts, health and events are taken, and nothing else.
 * 6. The report must start from what is held, and must lead to what it says; else the agent is told what is held.
 * 7. The baseline moves by itself in two cases only (baseline-policy.ts); then drift is judged anew (judge.ts), with what
 *    AIDE found (aide-intake.ts).
 * 8. What an open window expects is marked, and accepted if the window says so (expected-change.ts).
 */
import { ScopeError } from '@holdfast/shared/scope';
import type { Report } from '@holdfast/shared/wire';
import { aideEvents } from '#core/aide-events';
import { takeAide } from '#core/aide-intake';
import { withFindings } from '#core/aide-record';
import { type BaselineMove, moveByPolicy } from '#core/baseline-policy';
import { nodeEvent } from '#core/event-record';
import { withExpected } from '#core/expected-change';
import type { InitialBaselinePolicy } from '#core/initial-baseline';
import { takeOver } from '#core/instances';
import { heldOf, judgeReport } from '#core/judge-report';
import { bucketDigestsOf, sideOf } from '#core/manifest-edit';
import {
  type EventRecord,
  type Millis,
  type NodeEffects,
  type NodeState,
  type NodeView,
  noDriftEffects,
} from '#core/node-state';
import { applyReport, type Observed } from '#core/observe-report';
import { machineChanged, newlyDropped, takeEvents, untoldChanges } from '#core/report-events';
import { reportProblem } from '#core/report-problem';

export interface IntakeContext {
  readonly node: string;
  readonly now: Millis;
  readonly initialBaseline: InitialBaselinePolicy;
  /** Scope digests that a baseline follows by itself. */
  readonly expectedScopes: ReadonlySet<string>;
}

export type ReportRefusal =
  | {
      readonly code:
        | 'node-deleted'
        | 'instance-conflict'
        | 'sequence-passed'
        | 'scope-unknown'
        | 'invalid-report';
      readonly detail: string;
    }
  | {
      readonly code: 'base-mismatch';
      readonly detail: string;
      readonly observed: string | null;
      /** 256, of what the collector holds. */
      readonly bucketDigests: readonly string[];
    };

export interface ReportOutcome {
  readonly kind: 'applied' | 'repeated';
  readonly observed: string | null;
  /** Highest stored position in the report's journal. */
  readonly eventsStored: number;
  /** How many lines the node's history gets, told or not. */
  readonly eventsWritten: number;
}

export type ReportDecision =
  | { readonly refuse: ReportRefusal }
  | { readonly apply: NodeEffects | null; readonly outcome: ReportOutcome };

export function decideReport(view: NodeView, report: Report, context: IntakeContext): ReportDecision {
  const { state } = view;
  const refusal = refuseSender(state, report);
  if (refusal) return { refuse: refusal };
  if (state?.instance === report.instance && state.sequence === report.sequence) {
    const { observed, eventsStored } = state;
    return { apply: null, outcome: { kind: 'repeated', observed, eventsStored, eventsWritten: 0 } };
  }
  const problem = reportProblem(report);
  if (problem) return refuse('invalid-report', problem);
  if (!isScopeKnown(view, report)) {
    return refuse('scope-unknown', `send the document of scope ${report.scope.digest}`);
  }
  const observed = report.result === null ? null : applyReport(view, report);
  if (observed?.kind === 'contradicts') return refuse('invalid-report', observed.detail);
  if (observed?.kind === 'mismatch') return { refuse: mismatch(view, observed.detail) };
  const effects = effectsUnlessScope(withScopeOf(view, report), report, observed, context);
  if (effects instanceof ScopeError) return refuse('invalid-report', effects.message);
  const { observed: digest, eventsStored } = effects.state;
  const eventsWritten = effects.events.length;
  return { apply: effects, outcome: { kind: 'applied', observed: digest, eventsStored, eventsWritten } };
}

/** The error of a scope that is too costly to match, in the place of the effects. */
function effectsUnlessScope(...given: Parameters<typeof effectsOf>): NodeEffects | ScopeError {
  try {
    return effectsOf(...given);
  } catch (error) {
    if (error instanceof ScopeError) return error;
    throw error;
  }
}

function refuse(
  code: Exclude<ReportRefusal['code'], 'base-mismatch'>,
  detail: string,
): { refuse: ReportRefusal } {
  return { refuse: { code, detail } };
}

function refuseSender(state: NodeState | null, report: Report): ReportRefusal | null {
  if (!state) return null;
  if (state.deletedAt !== null) {
    return { code: 'node-deleted', detail: `${state.name} was deleted; an operator can readmit it` };
  }
  if (state.refusedInstance === report.instance) {
    const detail = `another agent reports as ${state.name}; an operator can readmit the node`;
    return { code: 'instance-conflict', detail };
  }
  if (state.instance === report.instance && report.sequence < state.sequence) {
    return { code: 'sequence-passed', detail: `sequence ${state.sequence} was applied already` };
  }
  return null;
}

/** The held manifest's scope is asked first: that is all that a heartbeat needs. */
function isScopeKnown(view: NodeView, { scope: { digest, document } }: Report): boolean {
  if (document) return true;
  const held = view.state?.observed ?? null;
  return (held !== null && view.manifest(held).scopeDigest === digest) || view.scope(digest) !== null;
}

function mismatch(view: NodeView, detail: string): ReportRefusal {
  const observed = view.state?.observed ?? null;
  const bucketDigests = bucketDigestsOf(observed === null ? null : view.manifest(observed));
  return { code: 'base-mismatch', detail, observed, bucketDigests };
}

/** The view in which the scope that the report brings is known already. */
function withScopeOf(view: NodeView, { scope }: Report): NodeView {
  const { digest, document } = scope;
  if (!document) return view;
  return { ...view, scope: (wanted) => (wanted === digest ? document : view.scope(wanted)) };
}

function effectsOf(
  view: NodeView,
  report: Report,
  observed: Observed | null,
  context: IntakeContext,
): NodeEffects {
  const { now } = context;
  const told = takeEvents(view.state, report, now);
  const spoken = speak(view.state, report, context);
  const seen: NodeState = {
    ...spoken.state,
    ...(observed && {
      observed: observed.side.record.digest,
      observedAt: now,
      blindSpots: observed.blindSpots,
    }),
    journal: report.journal,
    eventsStored: told.eventsStored,
  };
  const move: BaselineMove | null = observed && moveByPolicy(view, seen, observed, context);
  const moved: NodeState = move ? { ...seen, ...move.state } : seen;
  const shown = observed ?? heldOf(view, moved);
  const baseline = move?.side ?? (moved.baseline && sideOf(view.manifest(moved.baseline.manifest), view));
  const aide = takeAide(view, moved, {
    report,
    baseline,
    observed: shown?.side ?? null,
    touched: observed?.touched ?? [],
    now,
  });
  const state: NodeState = aide ? { ...moved, aide: aide.state } : moved;
  const judged = shown && (observed !== null || (aide?.touched.length ?? 0) > 0) ? shown : null;
  const changes = observed && !observed.isFirst ? [...observed.changes] : [];
  const effects: NodeEffects = {
    state,
    buckets: [...(observed?.buckets ?? []), ...(move?.buckets ?? [])],
    manifests: [...(observed?.isNew ? [observed.side.record] : []), ...(move?.manifests ?? [])],
    scope: report.scope.document ? { digest: report.scope.digest, document: report.scope.document } : null,
    newBaseline: move?.state.baseline ?? null,
    drift: judged
      ? judgeReport(
          withFindings(view, aide?.findings ?? null),
          state,
          judged,
          move?.side ?? null,
          aide?.touched ?? [],
        )
      : noDriftEffects,
    events: [
      ...spoken.events,
      ...told.events,
      ...untoldChanges(changes, report, now),
      ...(observed?.leftScope
        ? [nodeEvent('scope-changed', now, `${observed.leftScope} → ${report.scope.digest}`)]
        : []),
      ...(move?.events ?? []),
      ...aideEvents(moved.aide, state.aide, now),
      ...(aide?.events ?? []),
    ],
    commandsDone: report.commandsDone,
    commands: aide?.asks ? ['aide'] : [],
    aide: aide?.effects ?? null,
    audit: move?.audit ?? null,
  };
  return withExpected(view, effects, changes, report, now);
}

/** What the report says of the one who speaks. */
function speak(
  state: NodeState | null,
  report: Report,
  { node, now }: IntakeContext,
): { readonly state: NodeState; readonly events: readonly EventRecord[] } {
  const dropped = newlyDropped(state, report);
  const heard = {
    sequence: report.sequence,
    lastReportAt: now,
    agent: report.agent,
    health: report.health,
    eventsDropped: (state?.eventsDropped ?? 0) + dropped,
  };
  const events: EventRecord[] = [];
  if (dropped > 0) events.push(nodeEvent('events-dropped', now, `the agent dropped ${dropped} events`));
  if (!state) {
    events.unshift(nodeEvent('node-first-seen', now));
    return { state: { ...firstState(node, report, now), ...heard }, events };
  }
  const speaker = state.instance === report.instance ? null : takeOver(state, report.instance, now);
  if (speaker?.isConflict) {
    const detail = `instance ${state.instance} is refused: ${report.instance} came back`;
    events.push(nodeEvent('instance-conflict', now, detail));
  }
  const isReimaged = machineChanged(state.agent, report.agent);
  if (isReimaged) {
    const detail = `machine-id ${state.agent.machineId} → ${report.agent.machineId || 'none'}`;
    events.push(nodeEvent('machine-changed', now, detail));
  }
  return {
    state: {
      ...state,
      ...heard,
      ...(speaker && {
        instance: speaker.instance,
        retired: speaker.retired,
        refusedInstance: speaker.refusedInstance,
      }),
      reimagedAt: isReimaged ? now : state.reimagedAt,
      scans: [
        ...report.scans,
        ...state.scans.filter(({ net }) => !report.scans.some((scan) => scan.net === net)),
      ].sort((a, b) => (a.net < b.net ? -1 : 1)),
    },
    events,
  };
}

function firstState(node: string, report: Report, now: Millis): NodeState {
  return {
    name: node,
    firstSeenAt: now,
    deletedAt: null,
    instance: report.instance,
    sequence: report.sequence,
    lastReportAt: now,
    observedAt: null,
    retired: [],
    refusedInstance: null,
    agent: report.agent,
    health: report.health,
    reimagedAt: null,
    observed: null,
    blindSpots: [],
    scans: report.scans,
    journal: report.journal,
    eventsStored: 0,
    eventsDropped: 0,
    baseline: null,
    pendingBecause: null,
    aide: null,
    review: null,
  };
}
