import { createTask } from 'node-cron';
import { runWhenDue } from '@holdfast/shared/run-when-due';

export interface CronOptions {
  readonly expression: string;
  /** IANA name. */
  readonly timezone: string;
  readonly run: () => void;
  /** See {@link runWhenDue}. */
  readonly maxWaitMs?: number;
}

/**
 * Calls `run` at the times of a cron expression until it is disposed of. node-cron says when those are, and no more: its
 * own timer leaves a time out that it is more than a second late for, and after a clock was put back it waits for a time
 * that may be years away.
 */
export function startCron({ expression, timezone, ...options }: CronOptions): Disposable {
  const task = createTask(expression, () => {}, { timezone });
  return runWhenDue({
    ...options,
    next: () => task.getNextRuns(1)[0]?.getTime() ?? Number.POSITIVE_INFINITY,
    now: Date.now,
    wait: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
  });
}
