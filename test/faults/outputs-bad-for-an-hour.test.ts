/**
 * An hour in which Loki, the webhook and the Pushgateway are down, slow or answer garbage. It passes in seconds: the
 * collector's clock makes a minute of each step, and the time limits of the ways out are as much shorter.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lokiLimits } from '@holdfast/collector/outputs/loki';
import { pushNodesLimits } from '@holdfast/collector/outputs/push-nodes';
import { tellNodesLimits } from '@holdfast/collector/outputs/tell-nodes';
import type { Report } from '@holdfast/shared/wire';
import { CollectorApp } from '../harness/collector-app.ts';
import { type Behaviour, HttpDouble } from '../harness/http-double.ts';
import { type SyntheticNode, syntheticFleet } from '../harness/synthetic-fleet.ts';
import { waitFor } from '../harness/wait.ts';

const minutes = 60;
const stepMs = 40;
const faster = 60_000 / stepMs;
/** Waits between two tries are longer for that, or the processor would be what bounds their number. */
const backoffFaster = faster / 4;

/** `requestsFaster`: by how much less time a request gets. As little as will do, or a busy machine would be a slow peer. */
function limitsOf(requestsFaster: number) {
  const rates: Readonly<Record<string, number>> = {
    timeoutMs: requestsFaster,
    minMs: backoffFaster,
    maxMs: backoffFaster,
  };
  const shorter = <T extends object>(limits: T): T => {
    const scaled = Object.entries(limits).map(([name, value]: [string, number]) => [
      name,
      name.endsWith('Ms') ? Math.ceil(value / (rates[name] ?? faster)) : value,
    ]);
    return Object.fromEntries(scaled) as T;
  };
  return {
    // How old an event is goes by the collector's clock, which is as fast as the hour.
    loki: { ...shorter(lokiLimits), settleMs: lokiLimits.settleMs },
    webhook: shorter(tellNodesLimits),
    pushgateway: shorter(pushNodesLimits),
  };
}

type Limits = ReturnType<typeof limitsOf>;
type Peer = keyof Limits;
const peers = ['loki', 'webhook', 'pushgateway'] as const;
type Peers<T> = Record<Peer, T>;
const each = <T>(make: (peer: Peer) => T) =>
  Object.fromEntries(peers.map((peer) => [peer, make(peer)])) as Peers<T>;
const well = {
  loki: { status: 204 },
  webhook: { status: 200, body: 'ok' },
  pushgateway: { status: 200 },
};

const garbage: Peers<readonly Behaviour[]> = {
  loki: ['garbage', 'page', { status: 502 }],
  // Whatever a webhook answers with 2xx is its way to say that it took the message.
  webhook: ['garbage', { status: 302 }, { status: 502 }],
  pushgateway: ['garbage', 'page', { status: 502 }],
};

interface Hour {
  readonly limits: Limits;
  readonly behaviour: (peer: Peer, asked: number) => Behaviour;
}

const hours: Readonly<Record<string, Hour>> = {
  'are down': { limits: limitsOf(1), behaviour: () => 'down' },
  'answer garbage': {
    limits: limitsOf(1),
    behaviour: (peer, asked) => garbage[peer][asked % garbage[peer].length]!,
  },
  'answer too late': {
    limits: limitsOf(40),
    behaviour: (peer) => ({ ...well[peer], afterMs: 1000 }),
  },
};

/** Five nodes, the last of which has not reported yet, and the peers, which are well. */
class Site implements AsyncDisposable {
  readonly app: CollectorApp;
  readonly doubles: Peers<HttpDouble>;
  readonly nodes = syntheticFleet({ nodes: 5, entries: 40, own: 4 });
  /** Requests that were under way before and after a report was sent and acknowledged. */
  readonly outlasted = each(() => 0);
  readonly #opened: AsyncDisposableStack;

  static async open(limits: Limits): Promise<Site> {
    const opened = new AsyncDisposableStack();
    const double = async (peer: Peer) => {
      const started = opened.use(await HttpDouble.start());
      started.behave = well[peer];
      return started;
    };
    const doubles = {
      loki: await double('loki'),
      webhook: await double('webhook'),
      pushgateway: await double('pushgateway'),
    };
    const app = opened.use(
      await CollectorApp.open({
        HOLDFAST_LOKI_URL: doubles.loki.url.href,
        HOLDFAST_WEBHOOK_URL: doubles.webhook.url.href,
        HOLDFAST_PUSHGATEWAY_URL: doubles.pushgateway.url.href,
      }),
    );
    opened.use(await app.startTelling(limits));
    return new Site(app, doubles, opened);
  }

  private constructor(app: CollectorApp, doubles: Peers<HttpDouble>, opened: AsyncDisposableStack) {
    this.app = app;
    this.doubles = doubles;
    this.#opened = opened;
  }

  async report(node: SyntheticNode, report: Report): Promise<void> {
    const before = each((peer) => [...this.doubles[peer].open]);
    await this.app.taken(node, report);
    for (const peer of peers)
      if (before[peer].some((request) => this.doubles[peer].open.has(request))) this.outlasted[peer] += 1;
  }

  change(node: SyntheticNode, content: string): Promise<void> {
    return this.report(node, node.difference([node.change(0, content)]));
  }

  putBack(node: SyntheticNode): Promise<void> {
    return this.change(node, `${node.name} 0`);
  }

  /** Of the ways out, as `/metrics` shows them. */
  async shown(): Promise<Peers<{ up: number; waiting: number; lost: number }>> {
    const { text } = await this.app.call('GET', '/metrics');
    const value = (series: string) => Number(text.split(`\n${series} `)[1]?.split('\n')[0]);
    return each((peer) => {
      const labels = `output="${peer}",about="nodes"`;
      return {
        up: value(`holdfast_deliveries_up{${labels}}`),
        waiting: value(`holdfast_deliveries_waiting{${labels}}`),
        lost: value(`holdfast_deliveries_total{${labels},result="lost"}`),
      };
    });
  }

  async progress() {
    const { outlets } = this.app.store;
    return { loki: await outlets.progress('loki'), webhook: await outlets.progress('webhook') };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

const ownFile = '/etc/own/file-0';

/** Between two reports of a node on which nothing happens. */
const heartbeatMinutes = 4;

/** What happens in the `minute`th of the hour, besides heartbeats. */
async function live(site: Site, minute: number): Promise<void> {
  const [flapping, undone, deleted, repaired, late] = site.nodes as [
    SyntheticNode,
    SyntheticNode,
    SyntheticNode,
    SyntheticNode,
    SyntheticNode,
  ];
  if (minute % 5 === 1) await site.change(flapping, `content ${minute}`);
  if (minute === 10) await site.change(undone, 'for a minute');
  if (minute === 11) await site.putBack(undone);
  if (minute === 20) {
    const { status } = await site.app.call('DELETE', `/api/v1/nodes/${deleted.name}`);
    assert.equal(status, 200);
  }
  if (minute === 25) await site.putBack(repaired);
  if (minute === 30) await site.report(late, late.first());
  if (minute === 31) await site.change(late, 'new');
  const speaking = [flapping, repaired];
  if (minute < 20) speaking.push(deleted);
  if (minute > 31) speaking.push(late);
  // It falls silent, and speaks again.
  if (minute < 12 || minute > 40) speaking.push(undone);
  if (minute % heartbeatMinutes === 0) for (const node of speaking) await site.report(node, node.heartbeat());
}

/** Returns how long it took, in milliseconds. */
async function anHour(site: Site): Promise<number> {
  const start = performance.now();
  for (let minute = 1; minute <= minutes; minute++) {
    site.app.now += 60_000;
    await live(site, minute);
    await sleep(Math.max(1, start + minute * stepMs - performance.now()));
  }
  return performance.now() - start;
}

/** The backoff is random up to the longest; one round may ask a Pushgateway about so many nodes before it gives up. */
function mostTries(peer: Peer, { maxMs }: Limits[Peer], tookMs: number): number {
  const perTry = peer === 'pushgateway' ? 2 * pushNodesLimits.concurrency - 1 : 1;
  return perTry * (10 + (1.5 * tookMs) / (maxMs / 2));
}

/** Lines as Loki keeps them: by time. */
function linesOf({ taken }: HttpDouble): { id: number; time: string }[] {
  return taken.flatMap(({ body }) => {
    const { streams } = JSON.parse(body) as { streams: { values: [string, string][] }[] };
    return streams
      .flatMap(({ values }) =>
        values.map(([time, line]) => ({ time, ...(JSON.parse(line) as { id: number }) })),
      )
      .toSorted((a, b) => (a.time < b.time ? -1 : 1));
  });
}

/** What a Pushgateway holds by then: the drift of each node. */
function groupsOf({ taken }: HttpDouble, groups = new Map<string, string[]>()): Map<string, string[]> {
  for (const { method, path, body } of taken) {
    const node = path.split('/').at(-1)!;
    if (method === 'DELETE') groups.delete(node);
    else
      groups.set(
        node,
        Array.from(body.matchAll(/^aide_drift_detected\{.*path="(.*?)".*\} 1$/gm), ([, drift]) => drift!),
      );
  }
  return groups;
}

interface Message {
  readonly nodes: {
    readonly drift: readonly { onNodes: string[]; drift: { path: string }[] }[];
    readonly silent: readonly string[];
    readonly speakAgain: readonly string[];
    readonly recovered: readonly string[];
  };
}

/** From now on, and counted from here. */
function misbehave(double: HttpDouble, behaviour: (asked: number) => Behaviour): void {
  double.asked = 0;
  double.mostOpen = 0;
  double.taken.length = 0;
  double.behave = () => behaviour(double.asked);
}

/** How the ways out stand at the end of the hour. */
async function judgeHour(site: Site, limits: Limits, tookMs: number): Promise<void> {
  const shown = await site.shown();
  for (const peer of peers) {
    const { asked, mostOpen, taken } = site.doubles[peer];
    assert.equal(taken.length, 0);
    const most = mostTries(peer, limits[peer], tookMs);
    assert.ok(
      asked > 2 && asked <= most,
      `${peer} was asked ${asked} times, at most ${most} are to be expected`,
    );
    assert.ok(mostOpen <= (peer === 'pushgateway' ? pushNodesLimits.concurrency : 1), `${peer}: ${mostOpen}`);
    assert.ok(shown[peer].up === 0 && shown[peer].waiting > 0, `${peer}: ${JSON.stringify(shown[peer])}`);
  }
  assert.equal((await site.app.call('GET', '/readyz')).status, 200);
}

/** What the ways out have told once the peers are well again. */
function judgeTold({ doubles }: Site, events: readonly number[], groups: Map<string, string[]>): void {
  const lines = linesOf(doubles.loki);
  assert.deepEqual(
    lines.map(({ id }) => id),
    events,
  );
  assert.ok(lines.every(({ time }, i) => i === 0 || time > lines[i - 1]!.time));
  assert.deepEqual(
    groupsOf(doubles.pushgateway, groups),
    new Map([
      ['node-0', [ownFile]],
      ['node-1', []],
      ['node-3', []],
      ['node-4', [ownFile]],
    ]),
  );
  const [message, ...more] = doubles.webhook.taken.map(({ body }) => JSON.parse(body) as Message);
  assert.deepEqual(more, []);
  const { drift, silent, speakAgain, recovered } = message!.nodes;
  assert.deepEqual(
    drift.map(({ onNodes, drift: changes }) => [onNodes, changes.map(({ path }) => path)]),
    [
      [['node-0'], [ownFile]],
      [['node-4'], [ownFile]],
    ],
  );
  assert.deepEqual([silent, speakAgain, recovered], [[], [], ['node-3']], 'as it is by then');
}

describe('while Loki, webhook and Pushgateway', { concurrency: true }, () => {
  for (const [how, { limits, behaviour }] of Object.entries(hours)) {
    it(`${how} for an hour, no report waits, nobody is hammered, and all is told afterwards`, async () => {
      await using site = await Site.open(limits);
      const { doubles, nodes, app } = site;
      for (const node of nodes.slice(0, 4)) await site.report(node, node.first());
      await site.change(nodes[3]!, 'before the hour');
      app.now += 60_000;
      await waitFor('what is before the hour to be told', async () => {
        const now = await site.shown();
        const isTold = peers.every((peer) => now[peer].waiting === 0 && doubles[peer].taken.length > 0);
        return isTold && groupsOf(doubles.pushgateway).get('node-3')?.length === 1;
      });
      const groups = groupsOf(doubles.pushgateway);
      const before = await site.progress();

      for (const peer of peers) misbehave(doubles[peer], (asked) => behaviour(peer, asked));
      const tookMs = await anHour(site);
      const events = await app.store.outlets.eventsAfter(before.loki!.told, 1000);
      await waitFor('it to show', async () => (await site.shown()).loki.waiting === events.length);
      await judgeHour(site, limits, tookMs);
      assert.deepEqual(await site.progress(), before, 'nothing is queued but the history');
      if (how === 'answer too late')
        assert.ok(
          peers.every((peer) => site.outlasted[peer] > 0),
          JSON.stringify(site.outlasted),
        );

      for (const peer of peers) doubles[peer].behave = well[peer];
      app.now += 60_000;
      await waitFor('all to be told', async () => {
        const now = await site.shown();
        return peers.every((peer) => now[peer].up === 1 && now[peer].waiting === 0 && now[peer].lost === 0);
      });
      judgeTold(
        site,
        events.map(({ id }) => id),
        groups,
      );
    });
  }
});
