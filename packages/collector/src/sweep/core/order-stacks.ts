/**
 * In which order stacks are planned, and how long it will take. What was unmeasured last time comes first, so that a
 * deadline that is always too short does not always miss the same; then the longest, so that none is left alone at the
 * end. A stack that was never measured counts as the average.
 */
import type { Outcome } from '#sweep/core/stack-result';

export interface OrderHint {
  readonly lastOutcome: Outcome;
  readonly durationMs: number | null;
}

export function orderStacks(stacks: readonly string[], hints: ReadonlyMap<string, OrderHint>): string[] {
  const average = averageMs(stacks, hints) ?? 0;
  const rows = stacks.map((stack) => {
    const hint = hints.get(stack);
    return {
      stack,
      missed: hint?.lastOutcome === 'unmeasured',
      durationMs: hint?.durationMs ?? average,
    };
  });
  rows.sort(
    (a, b) =>
      Number(b.missed) - Number(a.missed) ||
      b.durationMs - a.durationMs ||
      (a.stack < b.stack ? -1 : a.stack > b.stack ? 1 : 0),
  );
  return rows.map(({ stack }) => stack);
}

/**
 * How long the sweep will take if each stack takes as long as it did, stacks that differed last time being planned
 * twice. Null if no duration is known.
 */
export function predictMs(
  ordered: readonly string[],
  hints: ReadonlyMap<string, OrderHint>,
  concurrency: number,
): number | null {
  const average = averageMs(ordered, hints);
  if (average === null) return null;
  const durations = ordered.map((stack) => hints.get(stack)?.durationMs ?? average);
  const again = ordered.flatMap((stack, i) => {
    const outcome = hints.get(stack)?.lastOutcome;
    return outcome === 'drift' || outcome === 'pending' || outcome === 'state' ? [durations[i]!] : [];
  });
  return Math.round(makespan(durations, concurrency) + makespan(again, concurrency));
}

/**
 * The stack that is planned alone, at first and after a pause: the one that will soonest tell whether any can be planned.
 * One that could not be planned last time tells only of itself.
 */
export function quickestStack(
  stacks: readonly string[],
  hints: ReadonlyMap<string, OrderHint>,
): string | null {
  const measured = stacks.filter((stack) => {
    const outcome = hints.get(stack)?.lastOutcome;
    return outcome !== undefined && outcome !== 'error' && outcome !== 'timeout';
  });
  const duration = (stack: string) => hints.get(stack)?.durationMs ?? Number.POSITIVE_INFINITY;
  const candidates = measured.length > 0 ? measured : stacks;
  return candidates.reduce<string | null>(
    (best, stack) => (best === null || duration(stack) < duration(best) ? stack : best),
    null,
  );
}

function makespan(durations: readonly number[], concurrency: number): number {
  const lanes: number[] = Array.from({ length: Math.max(1, concurrency) }, () => 0);
  for (const duration of durations) {
    const free = lanes.indexOf(Math.min(...lanes));
    lanes[free]! += duration;
  }
  return Math.max(...lanes);
}

function averageMs(stacks: readonly string[], hints: ReadonlyMap<string, OrderHint>): number | null {
  const known = stacks.flatMap((stack) => hints.get(stack)?.durationMs ?? []);
  return known.length === 0 ? null : known.reduce((sum, ms) => sum + ms, 0) / known.length;
}
