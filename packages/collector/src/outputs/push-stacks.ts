/**
 * Keeps the series of stacks and sweeps in a Pushgateway, as one group. It is put when a sweep has ended, at the start, and
 * every {@link refreshMs} besides: a Pushgateway that was away, or that began anew, has it then.
 */
import type { Logger } from 'pino';
import type { SweepStore } from '#store/sweep-store';
import { openHttpClient } from '../http-client.ts';
import type { DeliveryMetrics } from './delivery-metrics.ts';
import { expositionHeaders, groupUrl, isPushed, pushProblem } from './pushgateway.ts';
import { exposeStacks } from './stack-metrics.ts';
import type { StackTeller } from './tell-stacks.ts';
import { TellingLoop, tellingLimits, type Untold, untold } from './telling-loop.ts';

export const sweepJob = 'holdfast_sweep';
export const refreshMs = 600_000;

export interface PushStacksParts {
  readonly store: SweepStore;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  readonly limits?: Partial<typeof tellingLimits>;
}

export function pushStacks(
  gateway: URL,
  { store, metrics: all, log, limits: given }: PushStacksParts,
): StackTeller {
  const limits = { ...tellingLimits, ...given };
  const metrics = all.begin('pushgateway', 'stacks');
  const client = openHttpClient();
  const url = groupUrl(gateway, { job: sweepJob });
  /** The sweep that had ended last when the group was put. */
  let put: { readonly sweep: string; readonly at: number } | null = null;
  let isDue = true;

  const tell = async (signal: AbortSignal): Promise<Untold | null> => {
    const last = await store.lastEnded();
    if (last === null) return null;
    if (!isDue && put?.sweep === last.id && performance.now() - put.at < refreshMs) return null;
    isDue = false;
    const [stacks, lastWhole, running] = await Promise.all([
      store.stacks(),
      store.lastWhole(),
      store.running(),
    ]);
    const series = await exposeStacks({ stacks, lastWhole, running: running.length });
    const { timeoutMs } = limits;
    const answer = await client.send({
      method: 'PUT',
      url,
      headers: expositionHeaders,
      body: Buffer.concat(series),
      timeoutMs,
      signal,
    });
    const isRefused = 'status' in answer && (answer.status === 400 || answer.status === 413);
    if (!isRefused && ('unreachable' in answer || !isPushed(answer))) {
      isDue = true;
      return { ...untold(answer), reason: pushProblem(answer) };
    }
    metrics.count(isRefused ? 'refused' : 'sent');
    metrics.tried(!isRefused);
    if (isRefused) log.error('the Pushgateway refuses the series of stacks');
    // What was refused is tried again after the next sweep, or when it is due anew.
    put = { sweep: last.id, at: performance.now() };
    return null;
  };
  const loop = new TellingLoop({ tell, output: 'pushgateway', metrics, log, limits });
  return {
    wake: () => {
      isDue = true;
      loop.wake();
    },
    async [Symbol.asyncDispose]() {
      await loop[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}
