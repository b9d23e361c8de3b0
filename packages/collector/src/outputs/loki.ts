/**
 * Tells Loki every event of every node, in order, each at least once.
 *
 * 1. The history in the store is the queue; where Loki has been told up to is written down after each push.
 * 2. While Loki is away, slow, or answers garbage, the outlet waits, longer and longer, and nothing else does.
 * 3. What Loki refuses (400) is halved until the event that it refuses is alone; that one is skipped, logged and counted.
 */
import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { contentDiff, contentSides, type ContentDiff, type Side } from '#core/content-diff';
import { type LokiLine, lokiLine, lokiPush, lokiTimes } from '#core/loki-push';
import type { Millis } from '#core/node-state';
import type { FleetEvent } from '#store/outlet-store';
import type { Store } from '#store/store';
import { openHttpClient } from '../http-client.ts';
import { retryDelayMs } from '../retry.ts';
import type { LokiConfig } from './loki-options.ts';
import type { DeliveryMetrics, OutputMetrics } from './delivery-metrics.ts';

/** Of one push; about half of the other limit where paths are ordinary. */
export const maxEventsPerPush = 1000;
/** Bytes of the lines of one push, but for the last. Loki takes 4 MiB and more at a time. */
export const maxPushBytes = 1024 * 1024;
export const lokiLimits = {
  /** Between two looks for events. */
  lookEveryMs: 2000,
  /** Events that are younger wait: the content of a changed file follows its event by about a second. */
  settleMs: 3000,
  timeoutMs: 20_000,
  minMs: 1000,
  maxMs: 60_000,
};
const pack = promisify(gzip);

export interface LokiParts {
  readonly store: Store;
  readonly metrics: DeliveryMetrics;
  readonly log: Logger;
  readonly clock: () => Millis;
  readonly limits?: Partial<typeof lokiLimits>;
}

type Pushed = 'taken' | 'refused' | { readonly again: string; readonly retryAfterMs: number | null };

/** Begins with what happens from now on if it never ran before. Disposing gives up the push that runs; it is repeated at the next start. */
export async function tellLoki(config: LokiConfig, parts: LokiParts): Promise<AsyncDisposable> {
  const outlet = new LokiOutlet(config, parts);
  await outlet.begin();
  const stopping = new AbortController();
  const running = outlet.run(stopping.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

class LokiOutlet {
  readonly #config: LokiConfig;
  readonly #parts: LokiParts;
  readonly #limits: typeof lokiLimits;
  readonly #client = openHttpClient();
  readonly #metrics: OutputMetrics;
  #told = 0;
  /** With which the last line was sent. */
  #lastTime: Millis = 0;
  #failures = 0;

  constructor(config: LokiConfig, parts: LokiParts) {
    this.#config = config;
    this.#parts = parts;
    this.#limits = { ...lokiLimits, ...parts.limits };
    this.#metrics = parts.metrics.begin('loki', 'nodes');
  }

  async begin(): Promise<void> {
    const { store } = this.#parts;
    const progress = await store.outlets.progress('loki');
    this.#told = progress?.told ?? (await store.outlets.eventRange())?.newest ?? 0;
    this.#lastTime = Number(progress?.memory ?? 0);
    if (progress === null) await this.#moveTo(this.#told);
  }

  /** Resolves when `signal` is aborted, and never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { log } = this.#parts;
    while (!signal.aborted) {
      let waitMs = this.#limits.lookEveryMs;
      try {
        waitMs = await this.#tellNext(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#metrics.tried(false);
        log.error({ err: error }, 'Loki could not be told');
      }
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
    await this.#client[Symbol.asyncDispose]();
  }

  /** Returns how long to wait before the next, in milliseconds. */
  async #tellNext(signal: AbortSignal): Promise<number> {
    const { store } = this.#parts;
    const { lookEveryMs } = this.#limits;
    await this.#noteGap();
    const found = await store.outlets.eventsAfter(this.#told, maxEventsPerPush);
    const events = found.slice(0, this.#settled(found));
    if (events.length === 0) return lookEveryMs;
    // Before the try, too: one that throws (no token to read) must not pass for nothing to tell.
    this.#metrics.waiting(await this.#waiting());
    const lines = await this.#linesOf(events);
    const again = await this.#tellAll(lines, signal);
    this.#metrics.waiting(await this.#waiting());
    if (again !== null) return again;
    return lines.length < events.length || found.length === maxEventsPerPush ? 0 : lookEveryMs;
  }

  /** How many are so old that what an agent tells of a changed file has followed. */
  #settled(events: readonly FleetEvent[]): number {
    const { settleMs } = this.#limits;
    const now = this.#parts.clock();
    const young = events.findIndex(({ at }) => at <= now && at > now - settleMs);
    return young === -1 ? events.length : young;
  }

  /** Events that are gone before they were told. After a restore the numbers begin anew, further back. */
  async #noteGap(): Promise<void> {
    const { store, log } = this.#parts;
    const range = await store.outlets.eventRange();
    if (range === null || range.oldest <= this.#told + 1) return;
    const first = (await store.outlets.eventsAfter(this.#told, 1))[0]?.id ?? range.oldest;
    const lost = first - this.#told - 1;
    if (lost === 0 || this.#told === 0) return;
    this.#metrics.count('lost', lost);
    log.error({ lost }, 'retention removed events before Loki was told of them');
    await this.#moveTo(first - 1);
  }

  async #waiting(): Promise<number> {
    const range = await this.#parts.store.outlets.eventRange();
    return range === null ? 0 : Math.max(0, range.newest - this.#told);
  }

  /** Null if all were told; else how long to wait before the next try. */
  async #tellAll(lines: readonly LokiLine[], signal: AbortSignal): Promise<number | null> {
    const { log, clock } = this.#parts;
    const times = lokiTimes(lines, clock(), this.#lastTime);
    const pushed = await this.#push(lokiPush(lines, times), signal);
    if (pushed === 'taken') {
      this.#failures = 0;
      this.#lastTime = times.at(-1)!;
      this.#metrics.count('sent');
      this.#metrics.tried(true);
      await this.#moveTo(lines.at(-1)!.id);
      return null;
    }
    if (pushed !== 'refused') return this.#again(pushed);
    if (lines.length === 1) {
      const [{ id, node }] = lines as [LokiLine];
      this.#metrics.count('refused');
      log.error({ event: id, node }, 'Loki refuses this event for good; it is skipped');
      await this.#moveTo(id);
      return null;
    }
    const half = Math.ceil(lines.length / 2);
    return (await this.#tellAll(lines.slice(0, half), signal)) ?? this.#tellAll(lines.slice(half), signal);
  }

  #again({ again, retryAfterMs }: Exclude<Pushed, string>): number {
    this.#failures += 1;
    this.#metrics.tried(false);
    if (this.#failures === 1)
      this.#parts.log.warn({ reason: again }, 'Loki cannot be told; it will be, what happened is kept');
    return retryDelayMs(this.#failures, Math.random(), this.#limits, retryAfterMs);
  }

  async #push(body: object, signal: AbortSignal): Promise<Pushed> {
    const { url, tenant, tokenFile } = this.#config;
    const answer = await this.#client.send({
      method: 'POST',
      url: new URL(`${url.pathname.replace(/\/+$/, '')}/loki/api/v1/push${url.search}`, url),
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        ...(tenant === null ? {} : { 'x-scope-orgid': tenant }),
        ...(tokenFile === null
          ? {}
          : { authorization: `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}` }),
      },
      body: await pack(JSON.stringify(body)),
      timeoutMs: this.#limits.timeoutMs,
      signal,
    });
    if ('unreachable' in answer) return { again: answer.unreachable, retryAfterMs: null };
    // Loki says 204. A 200 with a page in it is a proxy's, and has kept nothing.
    if (answer.status === 204) return 'taken';
    if (answer.status === 400 || answer.status === 413) return 'refused';
    return { again: `it answered ${answer.status}`, retryAfterMs: answer.retryAfterMs };
  }

  async #moveTo(told: number): Promise<void> {
    this.#told = told;
    await this.#parts.store.outlets.setProgress('loki', { told, memory: String(this.#lastTime) });
  }

  /** Of the first events, as many as fit into one push; of one at least. */
  async #linesOf(events: readonly FleetEvent[]): Promise<LokiLine[]> {
    const lines: LokiLine[] = [];
    let bytes = 0;
    for (const event of events) {
      const content = await this.#contentOf(event);
      const line = lokiLine({ ...event, content });
      lines.push(line);
      bytes += line.bytes;
      if (bytes >= maxPushBytes) break;
      if (content) await nextTurn(); // a diff may take some milliseconds
    }
    return lines;
  }

  /** What changed inside the file, or why that is not said; null where something else changed. */
  async #contentOf({
    node,
    kind,
    path,
    change,
    attributes,
    before,
    after,
  }: FleetEvent): Promise<ContentDiff | null> {
    if (path === null || change === null || kind !== 'change') return null;
    const sides = contentSides({ path, change, attributes, before, after });
    if (!sides) return null;
    const side = async (sha256: string | null): Promise<Side> =>
      sha256 === null ? { text: '' } : this.#parts.store.contents.find(node, { path, sha256 });
    return contentDiff(path, await side(sides.before), await side(sides.after));
  }
}
