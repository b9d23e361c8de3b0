/** Tells others of a sweep once its end is durable: the Pushgateway always, people only of news. */
import type { Logger } from 'pino';
import type { DeliveryMetrics } from '#outputs/delivery-metrics';
import { Pushgateway } from '#outputs/pushgateway';
import { exposeStacks } from '#outputs/stack-metrics';
import { sweepMessage } from '#outputs/sweep-message';
import { Webhook } from '#outputs/webhook';
import type { StackChange, SweepRecord, SweepStore } from '#store/sweep-store';
import { stackNews } from '#sweep/core/stack-news';
import type { CollectorConfig } from './config.ts';
import { openHttpClient } from './http-client.ts';

export const sweepJob = 'holdfast_sweep';

export interface Teller extends AsyncDisposable {
  readonly onEnd: (sweep: SweepRecord, changes: readonly StackChange[]) => void;
}

/** Disposing of it gives what waits to be sent a short time. */
export function tellSweeps(
  config: Pick<CollectorConfig, 'pushgatewayUrl' | 'webhookUrl'>,
  { store, log, metrics }: { store: SweepStore; log: Logger; metrics: DeliveryMetrics },
): Teller {
  const opened = new AsyncDisposableStack();
  const http = opened.use(openHttpClient());
  const parts = { http, log, metrics };
  const { pushgatewayUrl, webhookUrl } = config;
  const pushgateway = pushgatewayUrl && opened.use(new Pushgateway(pushgatewayUrl, parts));
  const webhook = webhookUrl && opened.use(new Webhook(webhookUrl, parts));
  let telling: Promise<void> = Promise.resolve();
  // Last in, first out: what is being put together is sent before the ways out close.
  opened.defer(() => telling);
  const tell = async (sweep: SweepRecord, changes: readonly StackChange[]) => {
    if (pushgateway) {
      const [stacks, lastWhole, running] = await Promise.all([
        store.stacks(),
        store.lastWhole(),
        store.running(),
      ]);
      const others = running.filter(({ id }) => id !== sweep.id);
      pushgateway.put(
        { job: sweepJob },
        Buffer.concat(await exposeStacks({ stacks, lastWhole, running: others.length })),
      );
    }
    if (!webhook) return;
    const [earlier] = await store.sweeps(sweep.id, 1);
    const states = new Map(changes.flatMap(({ after }) => (after ? [[after.stack, after]] : [])));
    const ranBefore = (earlier?.end?.failure ?? null) === null;
    const message = sweepMessage(sweep, stackNews(changes), (stack) => states.get(stack), ranBefore);
    if (message) webhook.tell(message);
  };
  return {
    onEnd: (sweep, changes) => {
      telling = telling
        .then(() => tell(sweep, changes))
        .catch((error: unknown) =>
          log.error({ err: error, sweep: sweep.id }, 'a sweep could not be told of'),
        );
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
