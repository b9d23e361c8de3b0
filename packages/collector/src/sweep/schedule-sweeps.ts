/** Starts the daily sweep, in the configured time zone, a little later at random. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { startCron } from '../cron.ts';
import type { SweepConfig } from '../sweep-config.ts';
import { scheduledSweep, type Sweeper } from './sweeper.ts';

/** Disposing of it stops the schedule, and no sweep. */
export function scheduleSweeps(sweeper: Sweeper, config: SweepConfig, log: Logger): Disposable {
  if (config.schedule === null) return { [Symbol.dispose]: () => {} };
  const { cron: expression, timezone, jitterMs } = config.schedule;
  const stopping = new AbortController();
  const start = async () => {
    try {
      const started = await sweeper.start(scheduledSweep);
      if (started.kind === 'running')
        log.warn({ sweep: started.id }, 'a sweep runs; the scheduled one is left out');
      else await started.ended;
    } catch (error) {
      log.error({ err: error }, 'the scheduled sweep could not be started');
    }
  };
  const run = () => {
    const delayMs = Math.floor(Math.random() * jitterMs);
    sleep(delayMs, null, { signal: stopping.signal }).then(start, () => {}); // disposed of meanwhile
  };
  const cron = startCron({ expression, timezone, run });
  return {
    [Symbol.dispose]() {
      cron[Symbol.dispose]();
      stopping.abort();
    },
  };
}
