/**
 * Keeps the series of each node in a Pushgateway, one group a node.
 *
 * 1. A group is put when its node stands another way than was put last, and every {@link pushNodesLimits.refreshMs} besides.
 * 2. A group is deleted once its node is. Which groups there may be is written down before the first put of each, so
 *    that those of nodes that were deleted in an outage, or before a crash, go too; and all of them where nodes are left out.
 * 3. Nothing is queued: what could not be put or deleted is so in a later round, as it is then.
 */
import { hash } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Store } from '#store/store';
import { openHttpClient } from '../http-client.ts';
import { retryDelayMs } from '../retry.ts';
import type { DeliveryMetrics, OutputMetrics } from './delivery-metrics.ts';
import { exposeEachNode, type NodesSnapshot } from './node-metrics.ts';
import { expositionHeaders, groupUrl, isPushed, pushProblem } from './pushgateway.ts';

export const nodesJob = 'holdfast';

export const pushNodesLimits = {
  /** Between two rounds over all nodes; one costs about as much as a scrape. */
  lookEveryMs: 15_000,
  /** A group is put anew after so long, whatever is in it. */
  refreshMs: 600_000,
  /** Requests at one time. */
  concurrency: 4,
  timeoutMs: 10_000,
  minMs: 1000,
  maxMs: 60_000,
};

export interface PushNodesParts {
  readonly store: Pick<Store, 'outlets'>;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  /** Null: nodes are left out, and the groups of earlier are taken away. */
  readonly takeSnapshot: (() => Promise<NodesSnapshot>) | null;
  readonly limits?: Partial<typeof pushNodesLimits>;
}

const outlet = 'pushgateway';

interface Push {
  readonly node: string;
  /** Null: its group is to be deleted. */
  readonly series: string | null;
  /** Stands for how the node stands. */
  readonly digest: string;
}

type Pushed = 'taken' | 'refused' | { readonly again: string; readonly retryAfterMs: number | null };

/** Disposing gives up what is on its way; groups stay as they are. */
export async function pushNodes(url: URL, parts: PushNodesParts): Promise<AsyncDisposable> {
  const pusher = new NodesPusher(url, parts);
  await pusher.begin();
  const stopping = new AbortController();
  const running = pusher.run(stopping.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

class NodesPusher {
  readonly #url: URL;
  readonly #parts: PushNodesParts;
  readonly #limits: typeof pushNodesLimits;
  readonly #metrics: OutputMetrics;
  readonly #client = openHttpClient();
  /** Nodes that may have a group. Durable. */
  #groups = new Set<string>();
  #remembered = '[]';
  readonly #put = new Map<string, { readonly digest: string; readonly at: number }>();
  #failures = 0;

  constructor(url: URL, parts: PushNodesParts) {
    this.#url = url;
    this.#parts = parts;
    this.#limits = { ...pushNodesLimits, ...parts.limits };
    this.#metrics = parts.metrics.begin('pushgateway', 'nodes');
  }

  async begin(): Promise<void> {
    const progress = await this.#parts.store.outlets.progress(outlet);
    this.#remembered = progress?.memory ?? '[]';
    this.#groups = new Set(JSON.parse(this.#remembered) as string[]);
  }

  /** Resolves when `signal` is aborted, and never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = this.#limits.lookEveryMs;
      try {
        waitMs = await this.#round(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#metrics.tried(false);
        this.#parts.log.error({ err: error }, 'series of nodes could not be pushed');
      }
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
    await this.#client[Symbol.asyncDispose]();
  }

  /** Returns how long to wait before the next, in milliseconds. */
  async #round(signal: AbortSignal): Promise<number> {
    const snapshot = (await this.#parts.takeSnapshot?.()) ?? null;
    const live = new Set(snapshot?.nodes.map(({ state }) => state.name));
    const gone = [...this.#groups].filter((node) => !live.has(node));
    await this.#remember(new Set([...this.#groups, ...live]));
    const pushes = this.#pushesFor(gone, snapshot);
    const failures: Exclude<Pushed, string>[] = [];
    const done = { taken: 0, refused: 0 };
    let failedInRow = 0;
    const work = async () => {
      for (let push = await next(pushes); push !== null; push = await next(pushes)) {
        // One node that fails holds up no other; where all fail, nobody is asked 10,000 times.
        if (failedInRow >= this.#limits.concurrency || signal.aborted) return;
        const pushed = await this.#push(push, signal);
        failedInRow = typeof pushed === 'object' ? failedInRow + 1 : 0;
        if (typeof pushed === 'object') failures.push(pushed);
        else {
          this.#note(push, pushed);
          done[pushed] += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: this.#limits.concurrency }, work));
    await this.#remember(this.#groups);
    // By the round and not by the push: else one node that fails looks well whenever another has gone through.
    if (failures.length + done.refused > 0) this.#metrics.tried(false);
    else if (done.taken > 0) this.#metrics.tried(true);
    return this.#end(failures, signal);
  }

  /** Deletions first. A node is put together only when its turn comes. */
  *#pushesFor(gone: readonly string[], snapshot: NodesSnapshot | null): Generator<Push | null> {
    for (const node of gone) yield { node, series: null, digest: '' };
    if (snapshot === null) return;
    for (const { node, steady, restless } of exposeEachNode(snapshot)) {
      const digest = hash('sha256', steady, 'base64');
      const put = this.#put.get(node);
      const isFresh = put?.digest === digest && performance.now() - put.at < this.#limits.refreshMs;
      yield isFresh ? null : { node, series: steady + restless, digest };
    }
  }

  async #push({ node, series }: Push, signal: AbortSignal): Promise<Pushed> {
    const answer = await this.#client.send({
      ...(series === null
        ? { method: 'DELETE' }
        : { method: 'PUT', headers: expositionHeaders, body: series }),
      url: groupUrl(this.#url, { job: nodesJob, labels: { node } }),
      timeoutMs: this.#limits.timeoutMs,
      signal,
    });
    const again = pushProblem(answer);
    if ('unreachable' in answer) return { again, retryAfterMs: null };
    if (isPushed(answer)) return 'taken';
    const { status, retryAfterMs } = answer;
    return status === 400 || status === 413 ? 'refused' : { again, retryAfterMs };
  }

  #note({ node, series, digest }: Push, pushed: 'taken' | 'refused'): void {
    this.#metrics.count(pushed === 'taken' ? 'sent' : 'refused');
    if (pushed === 'refused')
      this.#parts.log.error({ node }, 'the Pushgateway refuses the series of this node');
    // What was refused is tried again when it changes, or is due anew.
    if (series !== null) this.#put.set(node, { digest, at: performance.now() });
    else this.#forget(node);
  }

  #forget(node: string): void {
    this.#groups.delete(node);
    this.#put.delete(node);
  }

  #end(failures: readonly Exclude<Pushed, string>[], signal: AbortSignal): number {
    const [failure] = failures;
    this.#metrics.waiting(failures.length);
    if (failure === undefined) {
      this.#failures = 0;
      return this.#limits.lookEveryMs;
    }
    this.#failures += 1;
    if (this.#failures === 1 && !signal.aborted)
      this.#parts.log.warn(
        { reason: failure.again },
        'the Pushgateway does not take series of nodes; it is tried again',
      );
    return retryDelayMs(this.#failures, Math.random(), this.#limits, failure.retryAfterMs);
  }

  async #remember(groups: ReadonlySet<string>): Promise<void> {
    const memory = JSON.stringify([...groups].sort());
    if (memory === this.#remembered) return;
    await this.#parts.store.outlets.setProgress(outlet, { told: 0, memory });
    this.#remembered = memory;
    this.#groups = new Set(groups);
  }
}

/** How long one turn of the event loop may take, roughly. */
const sliceMillis = 10;

/** The next that is to be sent; null at the end. Lets others have their turn where most nodes need nothing. */
async function next(pushes: Generator<Push | null>): Promise<Push | null> {
  let until = performance.now() + sliceMillis;
  for (;;) {
    const { done, value } = pushes.next();
    if (done) return null;
    if (value) return value;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + sliceMillis;
  }
}
