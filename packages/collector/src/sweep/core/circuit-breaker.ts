/**
 * Stops a sweep from running into the same wall with every stack. Pure: what it answers depends on what it was told.
 *
 * - `probing`: one stack is planned, alone. A sweep begins so.
 * - `closed`: all may be planned. Enough failures of one class in a row make it `open`.
 * - `open`: nothing is planned until a pause is over; then it probes. A probe that fails by the class doubles the pause.
 * - `given-up`: enough probes have failed. What was not planned stays unmeasured.
 *
 * A stack that fails otherwise, or does not fail, shows that the wall is not there.
 */
import type { BreakerClass } from '#sweep/core/failure';

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Before the first probe; doubles with each. */
  readonly pauseMs: number;
  /** Probes that fail before it gives up. */
  readonly probes: number;
}

export type BreakerState =
  | { readonly kind: 'closed'; readonly because: BreakerClass | null; readonly inRow: number }
  | {
      readonly kind: 'open';
      readonly because: BreakerClass;
      readonly probes: number;
      readonly pauseMs: number;
    }
  | { readonly kind: 'probing'; readonly because: BreakerClass | null; readonly probes: number }
  | { readonly kind: 'given-up'; readonly because: BreakerClass };

export const initialBreaker: BreakerState = { kind: 'probing', because: null, probes: 0 };

/** A stack has ended. Those that began before it opened may end in any state. */
export function afterStack(
  state: BreakerState,
  failed: BreakerClass | null,
  limits: BreakerLimits,
): BreakerState {
  switch (state.kind) {
    case 'closed': {
      if (failed === null) return { kind: 'closed', because: null, inRow: 0 };
      const inRow = failed === state.because ? state.inRow + 1 : 1;
      if (inRow < limits.failures) return { kind: 'closed', because: failed, inRow };
      return { kind: 'open', because: failed, probes: 0, pauseMs: limits.pauseMs };
    }
    case 'probing':
      if (failed === null) return { kind: 'closed', because: null, inRow: 0 };
      // The first stack of a sweep may be broken by itself: the next one is tried at once.
      if (state.because === null) return { kind: 'open', because: failed, probes: 0, pauseMs: 0 };
      if (state.probes + 1 >= limits.probes) return { kind: 'given-up', because: failed };
      return {
        kind: 'open',
        because: failed,
        probes: state.probes + 1,
        pauseMs: limits.pauseMs * 2 ** (state.probes + 1),
      };
    case 'open':
    case 'given-up':
      return state;
  }
}

export function afterPause(state: BreakerState): BreakerState {
  return state.kind === 'open' ? { kind: 'probing', because: state.because, probes: state.probes } : state;
}

/** How many stacks may be under way. */
export function allowed(state: BreakerState, concurrency: number): number {
  switch (state.kind) {
    case 'closed':
      return concurrency;
    case 'probing':
      return 1;
    case 'open':
    case 'given-up':
      return 0;
  }
}
