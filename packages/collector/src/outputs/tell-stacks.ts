/**
 * Tells people by webhook what is new about the stacks.
 *
 * 1. What was told is written down once the webhook took the message, and only then: an outage or a crash loses nothing, and
 *    the message that gets through says how it is by then. A crash in between tells the same once more.
 * 2. A command that sweeps beside the collector that serves tells of it too. Whoever comes second finds it told.
 * 3. A message that the webhook refuses (400, 413) follows as counts alone, so that nothing in it can hold up the rest.
 */
import type { Logger } from 'pino';
import type { OutletStore } from '#store/outlet-store';
import type { SweepRecord, SweepStore } from '#store/sweep-store';
import type { Cause } from '#sweep/core/stack-result';
import { knowAll, type KnownStacks, nothingKnown, stackNews } from '#sweep/core/stack-news';
import { isSuccess } from '../http-client.ts';
import type { DeliveryMetrics, OutputMetrics } from './delivery-metrics.ts';
import { sweepMessage } from './sweep-message.ts';
import { type Send, type Teller, TellingLoop, tellingLimits, type Untold, untold } from './telling-loop.ts';
import { webhookBody, type WebhookMessage } from './webhook.ts';

export interface TellStacksParts {
  readonly store: {
    readonly sweeps: SweepStore;
    readonly outlets: Pick<OutletStore, 'progress' | 'setProgress'>;
  };
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  readonly limits?: Partial<typeof tellingLimits>;
}

const outlet = 'webhook-stacks';

/** Begins with what happens from now on if it never ran before. */
export async function tellStacks(url: URL, parts: TellStacksParts): Promise<Teller> {
  const metrics = parts.metrics.begin('webhook', 'stacks');
  const news = new StacksNews(url, parts, metrics);
  await news.begin();
  return new TellingLoop({
    tell: (last, send) => news.tell(last, send),
    store: parts.store.sweeps,
    output: 'webhook',
    metrics,
    log: parts.log,
    limits: { ...tellingLimits, ...parts.limits },
  });
}

class StacksNews {
  readonly #url: URL;
  readonly #store: TellStacksParts['store'];
  readonly #metrics: OutputMetrics;
  #isBrief = false;

  constructor(url: URL, { store }: TellStacksParts, metrics: OutputMetrics) {
    this.#url = url;
    this.#store = store;
    this.#metrics = metrics;
  }

  async begin(): Promise<void> {
    const { outlets, sweeps } = this.#store;
    if ((await outlets.progress(outlet)) !== null) return;
    const last = await sweeps.lastEnded();
    const known = last === null ? nothingKnown : knowAll(await sweeps.stacks(), hasFailed(last));
    await this.#remember(encodeKnown(known));
  }

  /** Null if there was nothing to tell, or it was taken. */
  async tell(sweep: SweepRecord, send: Send): Promise<Untold | null> {
    const { outlets, sweeps } = this.#store;
    const before = (await outlets.progress(outlet))?.memory ?? null;
    const known = before === null ? nothingKnown : decodeKnown(before);
    const stacks = await sweeps.stacks();
    const states = new Map(stacks.map((state) => [state.stack, state]));
    const news = stackNews(known.stacks, stacks);
    const message = sweepMessage(sweep, news, (stack) => states.get(stack), {
      ranBefore: !known.fails,
      isBrief: this.#isBrief,
    });
    if (message !== null) {
      const problem = await this.#send(message, send);
      if (problem !== null) return problem;
    }
    const now = encodeKnown(knowAll(stacks, hasFailed(sweep)));
    if (now !== before) await this.#remember(now);
    return null;
  }

  async #send(message: WebhookMessage, send: Send): Promise<Untold | null> {
    const headers = { 'content-type': 'application/json' };
    const answer = await send({ method: 'POST', url: this.#url, headers, body: webhookBody(message) });
    if (!('unreachable' in answer) && isSuccess(answer)) {
      this.#isBrief = false;
      this.#metrics.count('sent');
      this.#metrics.tried(true);
      return null;
    }
    if (!('unreachable' in answer) && [400, 413].includes(answer.status) && !this.#isBrief) {
      this.#isBrief = true;
      this.#metrics.count('refused');
    }
    return untold(answer);
  }

  async #remember(memory: string): Promise<void> {
    await this.#store.outlets.setProgress(outlet, { told: 0, memory });
  }
}

function hasFailed({ end }: SweepRecord): boolean {
  return (end?.failure ?? null) !== null;
}

interface KnownText {
  readonly fails: boolean;
  readonly stacks: readonly (readonly [stack: string, cause: Cause | null, fails: boolean])[];
}

function encodeKnown({ fails, stacks }: KnownStacks): string {
  const rows = Array.from(stacks, ([stack, known]) => [stack, known.cause, known.fails] as const);
  return JSON.stringify({ fails, stacks: rows } satisfies KnownText);
}

function decodeKnown(text: string): KnownStacks {
  const { fails, stacks } = JSON.parse(text) as KnownText;
  const rows = stacks.map(([stack, cause, itFails]) => [stack, { cause, fails: itFails }] as const);
  return { fails, stacks: new Map(rows) };
}
