/**
 * Tells people by webhook what is new about the nodes.
 *
 * 1. What was told is written down once the webhook took the message, and only then: an outage or a crash loses nothing, and
 *    the next message is up to date. A crash in between tells the same once more.
 * 2. Drift that someone has acknowledged, and drift that a window expected, is not told.
 * 3. A message that the webhook refuses (400, 413) follows as counts alone, so that nothing in it can hold up the rest.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  type FleetSight,
  isDue,
  longestWaitMs,
  newsRows,
  nodeNews,
  type NewsRow,
  type Pace,
  type PaceLimits,
  paceOf,
  quietMs,
  type Told,
  toldAfter,
} from '#core/fleet-news';
import type { Millis } from '#core/node-state';
import { nodeStatus, type StatusContext } from '#core/node-status';
import type { Store } from '#store/store';
import { openHttpClient } from '../http-client.ts';
import { retryDelayMs } from '../retry.ts';
import type { DeliveryMetrics, OutputMetrics } from './delivery-metrics.ts';
import { messageLimits, nodesMessage, type NodesNews, type ToldRow } from './nodes-message.ts';
import { webhookBody } from './webhook.ts';

export const tellNodesLimits = {
  quietMs,
  longestWaitMs,
  /** Between two looks for news. */
  lookEveryMs: 5000,
  timeoutMs: 15_000,
  minMs: 1000,
  maxMs: 60_000,
};

export interface TellNodesParts {
  readonly store: Store;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  readonly clock: () => Millis;
  readonly statusOf: (node: string) => StatusContext;
  /** Whether a report of the node came since the collector started. */
  readonly wasHeard: (node: string) => boolean;
  readonly limits?: Partial<typeof tellNodesLimits>;
}

const outlet = 'webhook';
/** What the webhook takes while we stop would otherwise be told again, or, of a silence that is over by then, never be taken back. */
const stopGraceMs = 2000;

/** Begins with what happens from now on if it never ran before. Disposing waits {@link stopGraceMs} at most for a message that is on its way. */
export async function tellNodes(url: URL, parts: TellNodesParts): Promise<AsyncDisposable> {
  const teller = new NodesTeller(url, parts);
  await teller.begin();
  const stopping = new AbortController();
  const givingUp = new AbortController();
  const running = teller.run(stopping.signal, givingUp.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      const grace = setTimeout(() => givingUp.abort(), stopGraceMs);
      await running;
      clearTimeout(grace);
    },
  };
}

class NodesTeller {
  readonly #url: URL;
  readonly #parts: TellNodesParts;
  readonly #limits: typeof tellNodesLimits & PaceLimits;
  readonly #metrics: OutputMetrics;
  readonly #client = openHttpClient();
  #told: Told = { mark: 0, drifting: [], silent: [] };
  #pace: Pace | null = null;
  #failures = 0;
  #isBrief = false;

  constructor(url: URL, parts: TellNodesParts) {
    this.#url = url;
    this.#parts = parts;
    this.#limits = { ...tellNodesLimits, ...parts.limits };
    this.#metrics = parts.metrics.begin('webhook', 'nodes');
  }

  async begin(): Promise<void> {
    const progress = await this.#parts.store.outlets.progress(outlet);
    if (progress === null) {
      const sight = await this.#look();
      await this.#remember({ mark: sight.mark, drifting: [...sight.drifting].sort(), silent: [] });
    } else {
      const names = JSON.parse(progress.memory ?? '{}') as Partial<Omit<Told, 'mark'>>;
      this.#told = { mark: progress.told, drifting: names.drifting ?? [], silent: names.silent ?? [] };
    }
  }

  /** Resolves when `signal` is aborted, and never rejects. A message on its way is given up only when `givingUp` is aborted too. */
  async run(signal: AbortSignal, givingUp: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = this.#limits.lookEveryMs;
      try {
        waitMs = await this.#tellNews(givingUp);
      } catch (error) {
        if (signal.aborted) break;
        this.#metrics.tried(false);
        this.#parts.log.error({ err: error }, 'the webhook could not be told of nodes');
      }
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
    await this.#client[Symbol.asyncDispose]();
  }

  /** Returns how long to wait before the next look, in milliseconds. */
  async #tellNews(signal: AbortSignal): Promise<number> {
    const { lookEveryMs } = this.#limits;
    const now = performance.now();
    const sight = await this.#look();
    this.#pace = paceOf(this.#pace, this.#told, sight, now);
    this.#metrics.waiting(this.#pace === null ? 0 : 1);
    if (this.#pace === null || !isDue(this.#pace, now, this.#limits)) return lookEveryMs;
    const { news, nodes } = await this.#collect(sight);
    const { newlyDrifting, silent, speakAgain, recovered } = news;
    if (newlyDrifting + silent.length + speakAgain.length + recovered.length > 0) {
      const waitMs = await this.#send(news, signal);
      if (waitMs !== null) return waitMs;
    }
    await this.#remember(toldAfter(this.#told, sight, nodes));
    this.#pace = null;
    this.#metrics.waiting(0);
    return lookEveryMs;
  }

  async #look(): Promise<FleetSight> {
    const { store, statusOf, wasHeard } = this.#parts;
    const sight = {
      // First: drift that comes after it is the next news.
      mark: await store.outlets.newestMark(),
      drifting: new Set<string>(),
      silent: new Set<string>(),
      speaking: new Set<string>(),
      live: new Set<string>(),
    };
    for (const summary of await store.nodes()) {
      const { name } = summary.state;
      const { statuses } = nodeStatus(summary, statusOf(name));
      sight.live.add(name);
      if (statuses.includes('drifting')) sight.drifting.add(name);
      if (statuses.includes('silent')) sight.silent.add(name);
      else if (wasHeard(name)) sight.speaking.add(name);
    }
    return sight;
  }

  async #collect(sight: FleetSight): Promise<{ news: NodesNews; nodes: ReadonlySet<string> }> {
    const { store, clock } = this.#parts;
    const { nodes, changes } = await store.outlets.newDrift(this.#told.mark, sight.mark, clock());
    const view = changes.size === 0 ? { rows: [], hiddenChanges: 0 } : await store.fleet.view();
    const found = newsRows(view.rows, changes);
    const rows: ToldRow[] = [];
    for (const row of found.slice(0, messageLimits.rows)) rows.push(await this.#describe(row));
    const { hiddenChanges } = view;
    const news = { newlyDrifting: nodes.size, rows, rowCount: found.length, hiddenChanges };
    return { news: { ...news, ...nodeNews(this.#told, sight) }, nodes };
  }

  async #describe({ row, changes: fresh, newOn }: NewsRow): Promise<ToldRow> {
    const { fleet } = this.#parts.store;
    const onNodes = await fleet.nodesOf(row, '', messageLimits.nodesPerRow);
    const changes = await fleet.changesOf(fresh, messageLimits.changesPerRow);
    const drift = changes.map(({ path, change, attributes }) => ({ path, change, attributes }));
    return { row: row.id, nodes: row.nodes, newOn, changes: fresh.length, onNodes, drift };
  }

  /** Null if it was taken; else how long to wait before the next try. */
  async #send(news: NodesNews, signal: AbortSignal): Promise<number | null> {
    const { timeoutMs } = this.#limits;
    const answer = await this.#client.send({
      method: 'POST',
      url: this.#url,
      headers: { 'content-type': 'application/json' },
      body: webhookBody(nodesMessage(news, this.#isBrief)),
      timeoutMs,
      signal,
    });
    if ('unreachable' in answer) return this.#again(answer.unreachable, null, signal);
    const { status, retryAfterMs } = answer;
    if (status < 200 || status > 299) {
      if ((status === 400 || status === 413) && !this.#isBrief) {
        this.#isBrief = true;
        this.#metrics.count('refused');
      }
      return this.#again(`it answered ${status}`, retryAfterMs, signal);
    }
    this.#failures = 0;
    this.#isBrief = false;
    this.#metrics.count('sent');
    this.#metrics.tried(true);
    return null;
  }

  #again(reason: string, retryAfterMs: number | null, signal: AbortSignal): number {
    this.#failures += 1;
    this.#metrics.tried(false);
    if (this.#failures === 1 && !signal.aborted)
      this.#parts.log.warn(
        { reason },
        'the webhook cannot be told of nodes; it will be, with what is new then',
      );
    return retryDelayMs(this.#failures, Math.random(), this.#limits, retryAfterMs);
  }

  async #remember(told: Told): Promise<void> {
    const { mark, drifting, silent } = told;
    await this.#parts.store.outlets.setProgress(outlet, {
      told: mark,
      memory: JSON.stringify({ drifting, silent }),
    });
    this.#told = told;
  }
}
