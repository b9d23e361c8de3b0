/** Runs something by a schedule, whatever the clock of the machine does. */

export interface Schedule {
  /** The schedule's first time after now, in milliseconds since 1970; Infinity if there is none. */
  readonly next: () => number;
  readonly now: () => number;
  /** Calls `then` once, after `ms`; returns the way to call it off. */
  readonly wait: (ms: number, then: () => void) => () => void;
  readonly run: () => void;
  /** The clock is asked this often, because it may be set, and a machine may sleep. Default: a minute. */
  readonly maxWaitMs?: number;
}

/**
 * Calls `run` at the times of a schedule until it is disposed of. A time that was slept through, or that the event loop
 * was held up at, is made up for, once; a clock that went back brings the next time forward.
 */
export function runWhenDue({ next, now, wait, run, maxWaitMs = 60_000 }: Schedule): Disposable {
  let due = next();
  let callOff = (): void => {};
  const look = (): void => {
    const isDue = now() >= due;
    due = isDue ? next() : Math.min(due, next());
    waitForIt();
    if (isDue) run();
  };
  const waitForIt = (): void => {
    callOff = wait(Math.min(maxWaitMs, Math.max(1, due - now())), look);
  };
  waitForIt();
  return { [Symbol.dispose]: () => callOff() };
}
