/** The sweeps of a collector that serves: by schedule, by API, and results that come from elsewhere. */
import type { Logger } from 'pino';
import type { Millis } from '#core/node-state';
import type { CollectorMetrics } from '#outputs/collector-metrics';
import type { Sweeping } from '#routes/route';
import type { Store } from '#store/store';
import { scheduleSweeps } from '#sweep/schedule-sweeps';
import { Sweeper } from '#sweep/sweeper';
import type { CollectorConfig } from './config.ts';
import { tellSweeps } from './tell-sweeps.ts';

export interface SweepingParts {
  readonly log: Logger;
  readonly clock: () => Millis;
  readonly store: Pick<Store, 'sweeps' | 'outlets'>;
  readonly metrics: CollectorMetrics;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Closes what a crash has left, and begins the schedule. Disposing of it interrupts a sweep that runs. */
export async function startSweeping(
  config: CollectorConfig,
  { log, clock, store, metrics, environment = {} }: SweepingParts,
): Promise<Sweeping & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const teller = opened.use(await tellSweeps(config, { store, log, metrics: metrics.deliveries }));
  const onEnd = () => teller.wake();
  let start: Sweeping['start'] = null;
  if (config.sweep !== null) {
    const { dataDir } = config;
    const parts = { store: store.sweeps, log, clock, environment, dataDir, onEnd };
    const sweeper = opened.use(new Sweeper(config.sweep, parts));
    await sweeper.recover();
    opened.use(scheduleSweeps(sweeper, config.sweep, log));
    start = (ask) => sweeper.start(ask);
  }
  const parted = opened.move();
  return { start, onEnd, [Symbol.asyncDispose]: () => parted.disposeAsync() };
}
