/**
 * What a finished plan means.
 *
 * 1. What was stopped, did not exit with 0 or 2, reported an error, or made no plan that can be read, is an error. So is
 *    a plan of part of a stack, one that did not look at the world, and one that was made with outputs that are made up.
 * 2. A planned change of a resource that was found changed outside, in an attribute that the plan would set, is
 *    `drift`: the world moved. So is a change outside that led to what is planned elsewhere.
 * 3. Any other planned change is `pending`: the code moved.
 * 4. Moves, imports, removals from the state and outputs alone are `state`.
 * 5. A change outside that the plan leaves as it is, is hidden: the configuration ignores it.
 * 6. Data sources that would be read change nothing.
 * 7. Exit code 2 with a plan that holds nothing of all this is not understood, and an error.
 *
 * The worst cause of what is not hidden or ignored is the outcome. The exit code never makes a plan clean: a plan with
 * changes counts even if a wrapper swallowed the 2.
 */
import { applyRules, type RuledChanges } from '#sweep/core/apply-rules';
import { saltedHash } from '#sweep/core/differences';
import { type Failure, failureOf } from '#sweep/core/failure';
import {
  type OutsideChange,
  type PlanFacts,
  type PlannedChange,
  withoutIndexes,
} from '#sweep/core/plan-reader';
import type { StreamFacts } from '#sweep/core/plan-stream';
import { type Cause, type ChangeAction, type ChangedResource, causes } from '#sweep/core/stack-result';
import type { StackRule } from '#sweep/core/stack-rule';

export interface FinishedPlan {
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stream: StreamFacts;
  /** Null: `show` was not run, because there was no plan file. */
  readonly plan: PlanFacts | { readonly problem: string } | null;
}

export interface Difference {
  readonly outcome: 'clean' | Cause;
  readonly changes: readonly ChangedResource[];
  readonly changeCounts: Partial<Record<ChangeAction, number>>;
  readonly hiddenChanges: number;
  readonly resources: number;
  readonly fingerprint: string | null;
  readonly rules: Omit<RuledChanges, 'changes'>;
}

export type Judgement =
  | ({ readonly kind: 'measured' } & Difference)
  /** `because` is ours, and holds nothing of what the child printed. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly because: string };

export function classify(finished: FinishedPlan, rules: readonly StackRule[], salt: string): Judgement {
  const { exitCode, stream, plan } = finished;
  if (exitCode === null || exitCode > 2) return crashed(finished);
  if (exitCode === 1 || stream.errorCount > 0) {
    return {
      kind: 'failed',
      failure: failureOf({ command: 'plan', errors: stream.errors, noise: stream.noise }),
      because: `plan exited with ${exitCode}${exitCode === 1 ? '' : ' and reported an error'}`,
    };
  }
  if (plan === null) return notUnderstood(`plan exited with ${exitCode} and left no plan file`);
  if ('problem' in plan) return notUnderstood(`the plan's JSON is not understood: ${plan.problem}`);
  if (plan.errored) return notUnderstood(`plan exited with ${exitCode}, and its plan says that it failed`);
  const untrue = untruthOf(stream, plan);
  if (untrue !== null) {
    return {
      kind: 'failed',
      failure: { phase: 'config', breaker: null, cure: null },
      because: `the plan says nothing of the stack: ${untrue}`,
    };
  }
  if (!plan.isComplete) return notUnderstood('the plan is incomplete: part of it was put off');
  if (stream.announced > 0 && !plan.planned.some(({ action }) => action !== 'output')) {
    return notUnderstood(`plan announced ${stream.announced} changes, and its plan holds none`);
  }
  const changes = changesOf(plan);
  if (exitCode === 2 && changes.length === 0 && plan.dataReads === 0) {
    return notUnderstood('plan exited with 2, and its plan holds no change');
  }
  return { kind: 'measured', ...summarize(applyRules(changes, rules), plan.resources, salt) };
}

/** How the operator's own code or wrapper has made it a plan of something else; null if it has not. */
function untruthOf({ isMocked, isPartial, refreshed }: StreamFacts, { lookedAt }: PlanFacts): string | null {
  if (isMocked) return 'it was made with mock outputs of a dependency that has none';
  if (isPartial) return 'it is of part of it only, as by -target';
  return lookedAt > 0 && refreshed === 0 ? 'it looked at no resource, as by -refresh=false' : null;
}

function changesOf(plan: PlanFacts): ChangedResource[] {
  const outside = new Map(plan.outside.map((change) => [change.address, change]));
  const accounted = new Set<string>();
  const changes = plan.planned.map((planned) => {
    const found = outside.get(planned.address);
    const isDrift = found !== undefined && undoes(planned, found);
    if (isDrift) accounted.add(planned.address);
    return {
      ...planned,
      attributes: [...planned.attributes],
      hidden: false,
      ...causeOf(planned, isDrift ? found : null),
    };
  });
  const rest = plan.outside
    .filter(({ address }) => !accounted.has(address))
    .map(
      (found): ChangedResource => ({
        ...found,
        attributes: [...found.attributes],
        outside: found.action,
        cause: 'drift',
        hidden: changes.length === 0 || !isRelevant(found, plan),
        unsettled: false,
      }),
    );
  return [...changes, ...rest];
}

function causeOf(
  { action }: PlannedChange,
  found: OutsideChange | null,
): Pick<ChangedResource, 'cause' | 'outside'> {
  if (action === 'move' || action === 'import' || action === 'forget' || action === 'output') {
    return { cause: 'state', outside: null };
  }
  return { cause: found ? 'drift' : 'pending', outside: found?.action ?? null };
}

/** Whether the plan would put back what was found changed. A deletion that the code asks for undoes nothing. */
function undoes({ action, attributes }: PlannedChange, found: OutsideChange): boolean {
  if (found.action === 'delete') return action === 'create' || action === 'replace';
  if (action !== 'update' && action !== 'replace') return false;
  return attributes.some((name) => found.attributes.includes(name));
}

function isRelevant({ address, attributes }: OutsideChange, { relevant }: PlanFacts): boolean {
  const resource = withoutIndexes(address);
  return relevant.some(
    (led) =>
      led.resource === resource &&
      attributes.some(
        (name) =>
          led.attribute === '' ||
          name === led.attribute ||
          name.startsWith(`${led.attribute}.`) ||
          led.attribute.startsWith(`${name}.`),
      ),
  );
}

function summarize({ changes, ...rules }: RuledChanges, resources: number, salt: string): Difference {
  const visible = changes.filter(({ hidden }) => !hidden);
  const changeCounts: Partial<Record<ChangeAction, number>> = {};
  for (const { action } of visible) changeCounts[action] = (changeCounts[action] ?? 0) + 1;
  const outcome = causes.find((cause) => visible.some((change) => change.cause === cause)) ?? 'clean';
  const parts = visible.map(({ address, action, fingerprint }) => `${address} ${action} ${fingerprint}`);
  return {
    outcome,
    changes: [...visible, ...changes.filter(({ hidden }) => hidden)],
    changeCounts,
    hiddenChanges: changes.length - visible.length,
    resources,
    fingerprint: visible.length === 0 ? null : saltedHash(salt, parts.sort()),
    rules,
  };
}

function crashed({ exitCode, signal, stream }: FinishedPlan): Judgement {
  // A shell in between answers 128 and the signal's number.
  const killedBy = exitCode !== null && exitCode > 128 ? `signal ${exitCode - 128}` : signal;
  const how = killedBy === null ? `exited with ${exitCode}` : `was ended by ${killedBy}`;
  const known = failureOf({ command: 'plan', errors: stream.errors, noise: stream.noise });
  return {
    kind: 'failed',
    failure: { phase: 'crash', breaker: known.breaker, cure: null },
    because: `plan ${how}`,
  };
}

function notUnderstood(because: string): Judgement {
  return { kind: 'failed', failure: { phase: 'crash', breaker: null, cure: null }, because };
}
