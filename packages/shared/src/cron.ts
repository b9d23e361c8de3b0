/** Runs something at the times of a cron expression: shared, because both programs have schedules. */
import { runWhenDue, type Schedule } from './run-when-due.ts';

export interface CronOptions extends Pick<Schedule, 'run' | 'maxWaitMs'> {
  readonly expression: string;
  /** IANA name. */
  readonly timezone: string;
}

export interface CronParts extends Pick<Schedule, 'now' | 'wait'> {
  /** That of node-cron. */
  readonly createTask: (
    expression: string,
    run: () => void,
    options: { readonly timezone: string },
  ) => { getNextRuns(count: number): Date[] };
}

/**
 * Returns what calls `run` at the times of a cron expression until it is disposed of. node-cron says when those are, and no
 * more: its own timer leaves a time out that it is more than a second late for, and after a clock was put back it waits for
 * a time that may be years away.
 */
export function cronStarter({ createTask, now, wait }: CronParts): (options: CronOptions) => Disposable {
  return ({ expression, timezone, ...options }) => {
    const task = createTask(expression, () => {}, { timezone });
    const next = () => task.getNextRuns(1)[0]?.getTime() ?? Number.POSITIVE_INFINITY;
    return runWhenDue({ ...options, next, now, wait });
  };
}
