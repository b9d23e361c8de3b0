/** Removes, every hour, what is older than the retention or too much, and what nothing refers to any more. */
import type { Logger } from 'pino';
import type { Millis } from '#core/node-state';
import type { Store } from '#store/store';
import type { CollectorConfig } from './config.ts';
import { startCron } from './cron.ts';

const dayMs = 86_400_000;
const everyHour = '17 * * * *';

/** Stops when disposed of, after a run that has begun has ended. */
export function keepTidy(
  store: Store,
  { retentionDays, space }: Pick<CollectorConfig, 'retentionDays' | 'space'>,
  { log, clock }: { readonly log: Logger; readonly clock: () => Millis },
): AsyncDisposable {
  let running: Promise<void> | null = null;
  const tidy = async () => {
    try {
      const removed = await store.tidy(clock() - retentionDays * dayMs, space.maxDatabaseBytes);
      log.info(removed, 'tidied up');
      const { databaseBytes, unusedBytes } = store.size();
      if (databaseBytes - unusedBytes > space.maxDatabaseBytes) {
        log.warn(
          { databaseBytes, unusedBytes, maxDatabaseBytes: space.maxDatabaseBytes },
          'the database is larger than HOLDFAST_DATABASE_MIB although no history is left: baselines and what is observed stay',
        );
      }
    } catch (error) {
      log.error({ err: error }, 'tidying up failed; the next hour tries again');
    }
  };
  const run = () => {
    running ??= tidy().finally(() => {
      running = null;
    });
  };
  const cron = startCron({ expression: everyHour, timezone: 'UTC', run });
  return {
    async [Symbol.asyncDispose]() {
      cron[Symbol.dispose]();
      await running;
    },
  };
}
