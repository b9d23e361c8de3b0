import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createLog } from '../log.ts';
import { type Entry } from '@holdfast/shared/entry';
import { file, openTestStore, TestAgent } from '#store/test-node';
import { waitFor } from '../../../../test/harness/wait.ts';
import { maxLineBytes } from '#core/loki-push';
import { maxPushBytes, tellLoki } from './loki.ts';
import { CollectorMetrics } from './collector-metrics.ts';

interface Push {
  readonly streams: readonly {
    readonly stream: Record<string, string>;
    readonly values: readonly [string, string][];
  }[];
}

/** Speaks Loki's push API: 204, and its refusal of a line that holds `refuse`. */
class LokiDouble implements AsyncDisposable {
  readonly pushes: Push[] = [];
  readonly headers: Record<string, unknown>[] = [];
  refuse: string | null = null;
  /** In the place of the answer, while set. */
  broken: { status: number; body: string } | 'silent' | null = null;
  readonly #server: Server;

  static async start(): Promise<LokiDouble> {
    const loki = new LokiDouble();
    loki.#server.listen(0, '127.0.0.1');
    await once(loki.#server, 'listening');
    return loki;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (this.broken === 'silent') return;
        if (this.broken) return response.writeHead(this.broken.status).end(this.broken.body);
        const push = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as Push;
        const isRefused = this.refuse !== null && JSON.stringify(push).includes(this.refuse);
        if (request.url !== '/loki/api/v1/push' || isRefused) {
          return response.writeHead(400).end('entry for stream has timestamp too old');
        }
        this.headers.push(request.headers);
        this.pushes.push(push);
        return response.writeHead(204).end();
      });
    });
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** Of all lines, in the order in which they came. */
  get ids(): number[] {
    return this.#lines.map(({ id }) => id);
  }

  /** Of changes alone. */
  get paths(): string[] {
    return this.#lines.flatMap(({ path }) => path ?? []);
  }

  get #lines(): { id: number; path: string | null }[] {
    const values = this.pushes.flatMap(({ streams }) => streams.flatMap((stream) => stream.values));
    return values.map(([, line]) => JSON.parse(line) as { id: number; path: string | null });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const log = createLog('silent', process.stdout);
const fast = { lookEveryMs: 10, settleMs: 0, minMs: 5, maxMs: 20 };

function tell(
  url: URL,
  store: Awaited<ReturnType<typeof openTestStore>>['store'],
  metrics = new CollectorMetrics(),
  tokenFile: string | null = null,
) {
  const parts = { store, metrics: metrics.deliveries, log, clock: Date.now, limits: fast };
  return tellLoki({ url, tenant: 'site', tokenFile }, parts);
}

/** What the alert on it asks for: ten events wait, and the last try went wrong. */
async function isHeld(metrics: CollectorMetrics): Promise<boolean> {
  const shown = await text(metrics);
  return (
    shown.includes('holdfast_deliveries_waiting{output="loki",about="nodes"} 10\n') &&
    shown.includes('holdfast_deliveries_up{output="loki",about="nodes"} 0\n')
  );
}

describe('the way out to Loki', () => {
  const many = (from: number, count: number): Entry[] =>
    Array.from({ length: count }, (_, i) => file(`/etc/${String(from + i).padStart(5, '0')}`));

  it('tells every event once and in order, with few labels, from when it was configured', async () => {
    await using opened = await openTestStore();
    await using loki = await LokiDouble.start();
    const agent = new TestAgent('n1', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    await agent.tell(opened.store, [file('/etc/before')]);
    await using running = new AsyncDisposableStack();
    running.use(await tell(loki.url, opened.store));
    await agent.tell(opened.store, many(0, 2500));
    await waitFor('all of them', () => Promise.resolve(loki.paths.length >= 2500));
    const { ids, paths } = loki;
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    assert.deepEqual(
      paths.toSorted(),
      many(0, 2500).map(({ path }) => path),
    );
    const { stream, values } = loki.pushes[0]!.streams[0]!;
    assert.deepEqual(stream, { job: 'holdfast', node: 'n1', kind: 'change' });
    assert.match(values[0]![0], /^\d{19}$/);
    const times = values.map(([time]) => BigInt(time));
    assert.ok(
      times.every((time, i) => i === 0 || time >= times[i - 1]!),
      'times do not go back',
    );
    assert.equal(loki.headers[0]!['x-scope-orgid'], 'site');
  });

  for (const [what, broken] of [
    ['is overloaded', { status: 429, body: '' }],
    ['fails', { status: 500, body: 'x' }],
    ['lies behind a login page', { status: 200, body: '<html>' }],
  ] as const) {
    it(`loses nothing while Loki ${what}, also over a restart`, async () => {
      await using opened = await openTestStore();
      await using loki = await LokiDouble.start();
      const agent = new TestAgent('n1', [file('/etc/hosts')]);
      await agent.introduce(opened.store);
      loki.broken = broken;
      const metrics = new CollectorMetrics();
      const outlet = await tell(loki.url, opened.store, metrics);
      await agent.tell(opened.store, many(0, 10));
      await waitFor('the failure to show', () => isHeld(metrics));
      await outlet[Symbol.asyncDispose]();
      const store = await opened.reopen();
      await agent.tell(store, many(10, 10));
      loki.broken = null;
      await using running = new AsyncDisposableStack();
      running.use(await tell(loki.url, store));
      await waitFor('all of them', () => Promise.resolve(loki.paths.length >= 20));
      assert.deepEqual(
        loki.paths.toSorted(),
        many(0, 20).map(({ path }) => path),
      );
    });
  }

  it('shows what waits also while there is no token to send it with', async () => {
    await using opened = await openTestStore();
    await using loki = await LokiDouble.start();
    const agent = new TestAgent('n1', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    const metrics = new CollectorMetrics();
    await using running = new AsyncDisposableStack();
    running.use(await tell(loki.url, opened.store, metrics, '/nowhere/token'));
    await agent.tell(opened.store, many(0, 10));
    await waitFor('the failure to show', () => isHeld(metrics));
  });

  it('sends no more at a time than Loki takes, however long the lines are', async () => {
    await using opened = await openTestStore();
    await using loki = await LokiDouble.start();
    const agent = new TestAgent('n1', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    await using running = new AsyncDisposableStack();
    const target = 'x'.repeat(4000);
    await agent.tell(opened.store, many(0, 5));
    running.use(await tell(loki.url, opened.store));
    const long = many(5, 600).map((entry) => ({ ...entry, target }));
    await agent.tell(opened.store, long);
    await waitFor('all of them', () => Promise.resolve(loki.paths.length >= 600));
    const sizes = loki.pushes.map((push) => JSON.stringify(push).length);
    assert.ok(Math.max(...sizes) < maxPushBytes + maxLineBytes + 64 * 1024, sizes.join());
    assert.ok(sizes.length >= 3, 'the rest follows');
  });

  it('skips what Loki refuses for good, and nothing else, and counts it', async () => {
    await using opened = await openTestStore();
    await using loki = await LokiDouble.start();
    const agent = new TestAgent('n1', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    const metrics = new CollectorMetrics();
    await using running = new AsyncDisposableStack();
    running.use(await tell(loki.url, opened.store, metrics));
    loki.refuse = '/etc/00007';
    await agent.tell(opened.store, many(0, 20));
    await waitFor('the others', () => Promise.resolve(loki.paths.length >= 19));
    assert.deepEqual(loki.paths.includes('/etc/00007'), false);
    assert.match(
      await text(metrics),
      /^holdfast_deliveries_total\{output="loki",about="nodes",result="refused"\} 1$/m,
    );
  });

  it('stops at once while Loki says nothing, and holds up no report', async () => {
    await using opened = await openTestStore();
    await using loki = await LokiDouble.start();
    const agent = new TestAgent('n1', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    loki.broken = 'silent';
    const outlet = await tell(loki.url, opened.store);
    await agent.tell(opened.store, many(0, 3));
    await agent.tell(opened.store, many(3, 3));
    const start = performance.now();
    await outlet[Symbol.asyncDispose]();
    assert.ok(performance.now() - start < 5000);
  });

  it('says how much retention took before it could be told', async () => {
    await using opened = await openTestStore();
    await using loki = await LokiDouble.start();
    const agent = new TestAgent('n1', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    await (await tell(loki.url, opened.store))[Symbol.asyncDispose]();
    await agent.tell(opened.store, many(0, 5));
    await opened.store.tidy(agent.now + 1);
    await agent.tell(opened.store, many(5, 2));
    const metrics = new CollectorMetrics();
    await using running = new AsyncDisposableStack();
    running.use(await tell(loki.url, opened.store, metrics));
    await waitFor('the rest', () => Promise.resolve(loki.paths.length >= 2));
    assert.match(
      await text(metrics),
      /^holdfast_deliveries_total\{output="loki",about="nodes",result="lost"\} 5$/m,
    );
  });
});

async function text(metrics: CollectorMetrics): Promise<string> {
  return metrics.registry.metrics();
}
