import { setImmediate } from 'node:timers/promises';

/** What else happens on the main thread waits no longer than this for a walk. */
export const maxSliceMs = 5;

/** A step that says so ends its slice, so that what it asked for is begun. */
export type Pause = 'pause';

/** Runs `steps` to their end, a slice at a time. `afterSlice` may be waited for. Stops, and throws, when `signal` aborts. */
export async function runInSlices(
  steps: Iterator<Pause | void>,
  signal: AbortSignal,
  afterSlice: () => void | Promise<void>,
): Promise<void> {
  try {
    for (;;) {
      signal.throwIfAborted();
      const isDone = runSlice(steps);
      await afterSlice();
      if (isDone) return;
      await setImmediate();
    }
  } finally {
    steps.return?.(); // a walk that is left half-way closes the directory that it has open
  }
}

function runSlice(steps: Iterator<Pause | void>): boolean {
  const end = performance.now() + maxSliceMs;
  do {
    const step = steps.next();
    if (step.done) return true;
    if (step.value === 'pause') return false;
  } while (performance.now() < end);
  return false;
}
