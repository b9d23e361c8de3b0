/** The ways out that tell of nodes: Loki, webhook, Pushgateway, each where it is configured. Reports wait for none of them. */
import type { Logger } from 'pino';
import type { NodeQuota } from '#core/node-quota';
import type { Millis } from '#core/node-state';
import type { DeliveryMetrics } from '#outputs/delivery-metrics';
import { type lokiLimits, tellLoki } from '#outputs/loki';
import type { NodesSnapshot } from '#outputs/node-metrics';
import { pushNodes, type pushNodesLimits } from '#outputs/push-nodes';
import { tellNodes, type tellNodesLimits } from '#outputs/tell-nodes';
import type { Liveness } from '#routes/liveness';
import type { Store } from '#store/store';
import type { CollectorConfig } from './config.ts';

export interface TellingParts {
  readonly store: Store;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  readonly clock: () => Millis;
  readonly liveness: Liveness;
  readonly quota: NodeQuota;
  readonly limits?: TellingLimits;
}

export interface TellingLimits {
  readonly loki?: Partial<typeof lokiLimits>;
  readonly webhook?: Partial<typeof tellNodesLimits>;
  readonly pushgateway?: Partial<typeof pushNodesLimits>;
}

/** Disposing of it gives up what is on its way; it follows after the next start. */
export async function startTelling(config: CollectorConfig, parts: TellingParts): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const { store, metrics, log, clock, liveness, quota, limits = {} } = parts;
  const { nodeSilentSeconds: silentSeconds } = config;
  const statusOf = (node: string) => ({ ages: liveness.ages(node), silentSeconds });
  const common = { store, metrics, log, clock };
  if (config.loki) opened.use(await tellLoki(config.loki, { ...common, limits: limits.loki ?? {} }));
  if (config.webhookUrl) {
    const wasHeard = (node: string) => liveness.wasHeard(node);
    opened.use(
      await tellNodes(config.webhookUrl, { ...common, statusOf, wasHeard, limits: limits.webhook ?? {} }),
    );
  }
  if (config.pushgatewayUrl) {
    const takeSnapshot = async (): Promise<NodesSnapshot> => {
      const now = clock();
      return {
        now,
        nodes: await store.nodes(),
        drift: await store.standingDriftOfAll(config.metrics.pathsPerNode, now),
        isOverQuota: (node) => quota.waitMs(node, performance.now()) > 0,
        statusOf,
      };
    };
    const source = config.pushgatewayNodes ? takeSnapshot : null;
    opened.use(
      await pushNodes(config.pushgatewayUrl, {
        store,
        metrics,
        log,
        takeSnapshot: source,
        limits: limits.pushgateway ?? {},
      }),
    );
  }
  const parted = opened.move();
  return { [Symbol.asyncDispose]: () => parted.disposeAsync() };
}
