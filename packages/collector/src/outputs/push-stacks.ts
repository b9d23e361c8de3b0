/**
 * Keeps the series of stacks and sweeps in a Pushgateway, as one group. It is put when a sweep has ended, at the start, and
 * every {@link refreshMs} besides: a Pushgateway that was away, or that began anew, has it then.
 */
import type { Logger } from 'pino';
import type { SweepStore } from '#store/sweep-store';
import type { DeliveryMetrics } from './delivery-metrics.ts';
import { expositionHeaders, groupUrl, isPushed, pushProblem } from './pushgateway.ts';
import { exposeStacks } from './stack-metrics.ts';
import { type Teller, TellingLoop, tellingLimits, untold } from './telling-loop.ts';

export const sweepJob = 'holdfast_sweep';
export const refreshMs = 600_000;

export interface PushStacksParts {
  readonly store: SweepStore;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  readonly limits?: Partial<typeof tellingLimits>;
}

export function pushStacks(gateway: URL, { store, metrics: all, log, limits }: PushStacksParts): Teller {
  const metrics = all.begin('pushgateway', 'stacks');
  const url = groupUrl(gateway, { job: sweepJob });
  return new TellingLoop({
    async tell(_last, send) {
      const [stacks, lastWhole, running] = await Promise.all([
        store.stacks(),
        store.lastWhole(),
        store.running(),
      ]);
      const series = await exposeStacks({ stacks, lastWhole, running: running.length });
      const answer = await send({
        method: 'PUT',
        url,
        headers: expositionHeaders,
        body: Buffer.concat(series),
      });
      // What is refused for good is tried again after the next sweep, or when it is due anew.
      const isRefused = 'status' in answer && (answer.status === 400 || answer.status === 413);
      if (!isRefused && ('unreachable' in answer || !isPushed(answer))) {
        return { ...untold(answer), reason: pushProblem(answer) };
      }
      metrics.count(isRefused ? 'refused' : 'sent');
      metrics.tried(!isRefused);
      if (isRefused) log.error('the Pushgateway refuses the series of stacks');
      return null;
    },
    store,
    refreshMs,
    output: 'pushgateway',
    metrics,
    log,
    limits: { ...tellingLimits, ...limits },
  });
}
