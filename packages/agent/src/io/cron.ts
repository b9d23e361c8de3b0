import { createTask } from 'node-cron';

export interface CronOptions {
  readonly expression: string;
  /** IANA name. */
  readonly timezone: string;
  readonly run: () => void;
  /** The clock is asked this often, because it may be set, and a machine may sleep. Default: a minute. */
  readonly maxWaitMs?: number;
}

/**
 * Calls `run` at the times of a cron expression until it is disposed of. node-cron says when those are, and no more: its
 * own timer leaves a time out that it is more than a second late for, and after a clock was put back it waits for a time
 * that may be years away. Here a time that was slept through is made up for, once, and a clock that went back brings the
 * next time forward.
 */
export function startCron({ expression, timezone, run, maxWaitMs = 60_000 }: CronOptions): Disposable {
  const task = createTask(expression, () => {}, { timezone });
  const next = (): number => task.getNextRuns(1)[0]?.getTime() ?? Number.POSITIVE_INFINITY;
  let due = next();
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    timer = setTimeout(look, Math.min(maxWaitMs, Math.max(1, due - Date.now())));
  };
  const look = (): void => {
    const isDue = Date.now() >= due;
    due = isDue ? next() : Math.min(due, next());
    wait();
    if (isDue) run();
  };
  wait();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
