/** A stack's result, from what became of its plan. */
import { stripVTControlCharacters } from 'node:util';
import type { Difference } from '#sweep/core/classify';
import type { PlanDiagnostic } from '#sweep/core/plan-stream';
import type { Redactor } from '#sweep/core/redactor';
import {
  causeOf,
  maxChangesPerStack,
  maxDiagnosticLength,
  type Phase,
  type StackResult,
} from '#sweep/core/stack-result';

/** When it began, and how long it took. */
export interface Timing {
  readonly startedAt: number;
  readonly durationMs: number;
}

const unplanned: Omit<StackResult, 'stack' | 'outcome'> = {
  phase: null,
  diagnostic: null,
  changes: [],
  changeCounts: {},
  hiddenChanges: 0,
  resources: null,
  fingerprint: null,
  excludedBecause: null,
  ignored: [],
  startedAt: null,
  durationMs: null,
  confirmed: false,
  reclassified: false,
};

export function excluded(stack: string, because: string): StackResult {
  return { ...unplanned, stack, outcome: 'excluded', excludedBecause: because.slice(0, 1000) };
}

export function unmeasured(stack: string, because: string, timing?: Timing): StackResult {
  return { ...unplanned, ...timing, stack, outcome: 'unmeasured', diagnostic: because };
}

export function timedOut(stack: string, because: string, timing: Timing): StackResult {
  return { ...unplanned, ...timing, stack, outcome: 'timeout', diagnostic: because };
}

export function failed(stack: string, phase: Phase, diagnostic: string, timing: Timing): StackResult {
  return { ...unplanned, ...timing, stack, outcome: 'error', phase, diagnostic };
}

export function measured(
  stack: string,
  difference: Difference,
  redactor: Redactor,
  timing: Timing,
): StackResult {
  return {
    ...unplanned,
    ...timing,
    stack,
    outcome: difference.outcome,
    // Keys of resources and maps are chosen by the code, and may be taken from the environment.
    changes: difference.changes.slice(0, maxChangesPerStack).map((change) => ({
      ...change,
      address: redactor.redactKnown(change.address),
      attributes: change.attributes.map((name) => redactor.redactKnown(name)),
    })),
    changeCounts: difference.changeCounts,
    hiddenChanges: difference.hiddenChanges,
    resources: difference.resources,
    fingerprint: difference.fingerprint,
    ignored: [...difference.rules.ignored],
  };
}

/** A second plan, against the newest commit, of a stack that differed. */
export function confirm(first: StackResult, second: StackResult): StackResult {
  if (second.outcome === 'excluded') return { ...second, reclassified: true };
  if (second.outcome === 'clean') return { ...second, reclassified: true };
  if (causeOf(second.outcome) !== null) return { ...second, confirmed: true };
  // That it differed is known, and must not be hidden by what came between.
  return unconfirmed(
    first,
    `its second plan: ${second.outcome}${second.diagnostic ? `: ${second.diagnostic}` : ''}`,
  );
}

export function unconfirmed(first: StackResult, because: string): StackResult {
  return { ...first, confirmed: false, diagnostic: cut(`not confirmed: ${because}`) };
}

/** What a child printed about its failure, in the order of its worth, redacted and then cut. */
export function diagnosticText(
  because: string,
  errors: readonly PlanDiagnostic[],
  noise: string,
  redactor: Redactor,
): string {
  const told = errors.map(({ summary, detail, address, place }) => {
    const where = [address, place].filter((part) => part !== null).join(', ');
    return [summary, detail].filter((part) => part !== '').join(': ') + (where === '' ? '' : ` (${where})`);
  });
  const text = told.length > 0 ? told.join('\n') : noise;
  return cut(`${because}: ${redactor.redact(plain(text))}`);
}

/** Without colours and other control characters. */
function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f]/g, ' ')
    .replaceAll(/\n{2,}/g, '\n')
    .trim();
}

function cut(text: string): string {
  const whole = text.trim().replace(/:$/, '');
  return whole.length <= maxDiagnosticLength
    ? whole
    : `${whole.slice(0, maxDiagnosticLength - 2).toWellFormed()} …`;
}
