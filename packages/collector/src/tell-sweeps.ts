/** The ways out that tell of stacks: webhook and Pushgateway, each where it is configured. No sweep waits for them. */
import type { Logger } from 'pino';
import type { DeliveryMetrics } from '#outputs/delivery-metrics';
import { pushStacks } from '#outputs/push-stacks';
import { tellStacks } from '#outputs/tell-stacks';
import type { Teller, tellingLimits } from '#outputs/telling-loop';
import type { Store } from '#store/store';
import type { CollectorConfig } from './config.ts';

export interface TellSweepsParts {
  readonly store: Pick<Store, 'sweeps' | 'outlets'>;
  readonly log: Logger;
  readonly metrics: DeliveryMetrics;
  readonly limits?: Partial<typeof tellingLimits>;
}

/** To be woken when a sweep has ended. Disposing of it gives what is not told yet a short time; it follows later. */
export async function tellSweeps(
  { pushgatewayUrl, webhookUrl }: Pick<CollectorConfig, 'pushgatewayUrl' | 'webhookUrl'>,
  parts: TellSweepsParts,
): Promise<Teller> {
  const tellers: Teller[] = [];
  if (webhookUrl) tellers.push(await tellStacks(webhookUrl, parts));
  if (pushgatewayUrl) tellers.push(pushStacks(pushgatewayUrl, { ...parts, store: parts.store.sweeps }));
  return {
    wake() {
      for (const teller of tellers) teller.wake();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(tellers.map((teller) => teller[Symbol.asyncDispose]()));
    },
  };
}
