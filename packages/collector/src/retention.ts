/** Removes, every hour, what is older than the retention, and what nothing refers to any more. */
import { schedule } from 'node-cron';
import type { Logger } from 'pino';
import type { Millis } from '#core/node-state';
import type { Store } from '#store/store';

const dayMs = 86_400_000;
const everyHour = '17 * * * *';

/** Stops when disposed of, after a run that has begun has ended. */
export function keepTidy(
  store: Store,
  retentionDays: number,
  { log, clock }: { readonly log: Logger; readonly clock: () => Millis },
): AsyncDisposable {
  let running: Promise<void> = Promise.resolve();
  const tidy = async () => {
    try {
      const removed = await store.tidy(clock() - retentionDays * dayMs);
      log.info(removed, 'tidied up');
    } catch (error) {
      log.error({ err: error }, 'tidying up failed; the next hour tries again');
    }
  };
  const task = schedule(everyHour, () => (running = tidy()), { timezone: 'UTC', noOverlap: true });
  return {
    async [Symbol.asyncDispose]() {
      await task.destroy();
      await running;
    },
  };
}
