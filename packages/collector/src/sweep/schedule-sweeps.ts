/** Starts the daily sweep, in the configured time zone, a little later at random. */
import { schedule } from 'node-cron';
import type { Logger } from 'pino';
import type { SweepConfig } from '../sweep-config.ts';
import { scheduledSweep, type Sweeper } from './sweeper.ts';

/** Disposing of it stops the schedule, and no sweep. */
export function scheduleSweeps(sweeper: Sweeper, config: SweepConfig, log: Logger): AsyncDisposable {
  if (config.schedule === null) return { [Symbol.asyncDispose]: async () => {} };
  const { cron, timezone, jitterMs } = config.schedule;
  const task = schedule(
    cron,
    async () => {
      try {
        const started = await sweeper.start(scheduledSweep);
        if (started.kind === 'running')
          log.warn({ sweep: started.id }, 'a sweep runs; the scheduled one is left out');
        else await started.ended;
      } catch (error) {
        log.error({ err: error }, 'the scheduled sweep could not be started');
      }
    },
    { timezone, noOverlap: true, maxRandomDelay: jitterMs },
  );
  return { [Symbol.asyncDispose]: async () => task.destroy() };
}
