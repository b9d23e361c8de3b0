/**
 * What is remembered of a stack from sweep to sweep. Rules:
 * 1. What was measured last stands through error, timeout and unmeasured: not knowing is neither calm nor alarm.
 * 2. A difference has one cause at a time; since when is kept for that cause, and begins anew when the cause changes.
 * 3. An error lasts from the first sweep that could not plan the stack to the next that could; unmeasured ends no error.
 * 4. What is excluded is not measured any more, and forgets what it differed by.
 * 5. A result that is older than what is known changes nothing, be it of a sweep that ended earlier, or of one that ended
 *    later and planned the stack earlier: results of sweeps that run apart come late, and cross.
 */
import {
  type Cause,
  type ChangedResource,
  causeOf,
  isMeasured,
  type Outcome,
  type Phase,
  type StackResult,
} from '#sweep/core/stack-result';

/** Milliseconds since 1970 by the collector's clock. */
type Millis = number;

/** What the last measurement found. */
export interface Measurement {
  readonly outcome: Outcome;
  readonly at: Millis;
  readonly changes: readonly ChangedResource[];
  readonly changeCounts: StackResult['changeCounts'];
  readonly hiddenChanges: number;
  readonly resources: number | null;
  readonly fingerprint: string | null;
}

export interface StackState {
  readonly stack: string;
  /** Of the last sweep that knew the stack. */
  readonly outcome: Outcome;
  readonly outcomeSince: Millis;
  readonly phase: Phase | null;
  readonly diagnostic: string | null;
  readonly excludedBecause: string | null;
  /** When the last sweep ended, and which it was. */
  readonly sweptAt: Millis;
  readonly sweep: string;
  /** How many sweeps have known the stack. */
  readonly sweeps: number;
  /** Null: never, or excluded since. */
  readonly measured: Measurement | null;
  /** Since when it differs, and by what; null while it does not. */
  readonly differs: { readonly cause: Cause; readonly since: Millis } | null;
  /** No apply will settle what it differs by. */
  readonly isPerpetual: boolean;
  readonly errorSince: Millis | null;
  /** How long its newest plan took. */
  readonly durationMs: number | null;
  /** How long a plan of it takes, as the order of the next sweep has it. */
  readonly rememberedMs: number | null;
}

/** Weight of the newest duration in what is remembered. */
const newestWeight = 0.3;

export interface EndedSweep {
  readonly sweep: string;
  /** When it ended. */
  readonly sweptAt: Millis;
  /** When its results came. What claims to be of a later time is of a clock that was wrong, and stands in no one's way. */
  readonly now: Millis;
  readonly isPerpetual: boolean;
}

export function nextStackState(
  before: StackState | null,
  result: StackResult,
  { sweep, sweptAt, now, isPerpetual }: EndedSweep,
): StackState {
  const { outcome } = result;
  const at = measuredAt(result, sweptAt);
  if (before !== null && before.sweptAt <= now) {
    const isLate = before.sweptAt > sweptAt || (before.measured !== null && before.measured.at > at);
    if (isLate) return before;
  }
  const differs = differsBy(before, outcome, at);
  return {
    stack: result.stack,
    outcome,
    outcomeSince: before?.outcome === outcome ? before.outcomeSince : at,
    phase: result.phase,
    diagnostic: result.diagnostic,
    excludedBecause: result.excludedBecause,
    sweptAt,
    sweep,
    sweeps: (before?.sweeps ?? 0) + 1,
    measured: measurement(before, result, at),
    differs,
    isPerpetual: differs !== null && (isMeasured(outcome) ? isPerpetual : (before?.isPerpetual ?? false)),
    errorSince: errorSince(before, outcome, at),
    durationMs: result.durationMs ?? before?.durationMs ?? null,
    rememberedMs: rememberedMs(before, result),
  };
}

function measuredAt({ startedAt, durationMs }: StackResult, sweptAt: Millis): Millis {
  return startedAt === null ? sweptAt : Math.min(sweptAt, startedAt + Math.round(durationMs ?? 0));
}

function differsBy(before: StackState | null, outcome: Outcome, at: Millis): StackState['differs'] {
  if (outcome === 'excluded') return null;
  if (!isMeasured(outcome)) return before?.differs ?? null;
  const cause = causeOf(outcome);
  if (cause === null) return null;
  return before?.differs?.cause === cause ? before.differs : { cause, since: at };
}

function measurement(before: StackState | null, result: StackResult, at: Millis): Measurement | null {
  const { outcome, changes, changeCounts, hiddenChanges, resources, fingerprint } = result;
  if (outcome === 'excluded') return null;
  if (!isMeasured(outcome)) return before?.measured ?? null;
  return { outcome, at, changes, changeCounts, hiddenChanges, resources, fingerprint };
}

function errorSince(before: StackState | null, outcome: Outcome, at: Millis): Millis | null {
  if (outcome === 'error' || outcome === 'timeout') return before?.errorSince ?? at;
  return outcome === 'unmeasured' ? (before?.errorSince ?? null) : null;
}

/** A plan that was cut off at its timeout takes at least that long; one that failed early says nothing. */
function rememberedMs(before: StackState | null, { outcome, durationMs }: StackResult): number | null {
  const known = before?.rememberedMs ?? null;
  if (durationMs === null || !(isMeasured(outcome) || outcome === 'timeout')) return known;
  return Math.round(known === null ? durationMs : known + newestWeight * (durationMs - known));
}
