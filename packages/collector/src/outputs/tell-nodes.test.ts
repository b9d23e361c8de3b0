import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decideAcknowledgement } from '#core/acknowledge-drift';
import { file, openTestStore, TestAgent } from '#store/test-node';
import type { Store } from '#store/store';
import { type Behaviour, HttpDouble } from '../../../../test/harness/http-double.ts';
import { waitFor } from '../../../../test/harness/wait.ts';
import { createLog } from '../log.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import { tellNodes } from './tell-nodes.ts';

const log = createLog('silent', process.stdout);
const fast = { quietMs: 150, longestWaitMs: 2000, lookEveryMs: 10, timeoutMs: 300, minMs: 5, maxMs: 20 };

interface Message {
  readonly text: string;
  readonly nodes: {
    readonly counts: Record<string, number>;
    readonly drift?: readonly { nodes: number; newOn: number; changes: number; drift: { path: string }[] }[];
    readonly silent?: readonly string[];
    readonly speakAgain?: readonly string[];
    readonly recovered?: readonly string[];
  };
}

/** A store, a webhook, and who is silent. */
async function site(metrics = new CollectorMetrics()) {
  const opened = new AsyncDisposableStack();
  const hook = opened.use(await HttpDouble.start());
  const store = opened.use(await openTestStore());
  const silent = new Set<string>();
  const heard = new Set<string>();
  const start = async (now?: Store) => {
    const telling = await tellNodes(hook.url, {
      store: now ?? store.store,
      metrics: metrics.deliveries,
      log,
      clock: () => 2_000_000,
      wasHeard: (node) => heard.has(node),
      statusOf: (node) => ({
        silentSeconds: 300,
        ages: { sinceReportMs: silent.has(node) ? 1e6 : 0, sinceObservedMs: 0 },
      }),
      limits: fast,
    });
    return opened.use(telling);
  };
  const messages = () => hook.taken.map(({ body }) => JSON.parse(body) as Message);
  const nodes = async (...names: string[]): Promise<TestAgent[]> => {
    const agents = names.map((name) => new TestAgent(name, [file('/etc/hosts')]));
    for (const agent of agents) await agent.introduce(store.store);
    for (const { name } of agents) heard.add(name);
    return agents;
  };
  const until = (what: string, count: number) =>
    waitFor(what, () => (hook.taken.length >= count ? messages()[count - 1] : undefined));
  const dispose = () => opened.disposeAsync();
  return { hook, store, silent, heard, start, messages, nodes, until, [Symbol.asyncDispose]: dispose };
}

/** Long enough for a message that should not come. */
const aWhile = () => sleep(500);

describe('the webhook for nodes', () => {
  it('tells the same drift on many nodes as one message, and each once', async () => {
    await using made = await site();
    const agents = await made.nodes(...Array.from({ length: 30 }, (_, i) => `n${i}`));
    await made.start();
    for (const agent of agents) await agent.tell(made.store.store, [file('/etc/a'), file('/etc/b')]);
    await agents[0]!.tell(made.store.store, [file('/etc/odd')]);
    const { text, nodes } = await made.until('the news', 1);
    assert.deepEqual(
      nodes.drift!.map(({ nodes: on, changes, drift }) => [on, changes, drift.map(({ path }) => path)]),
      [
        [30, 2, ['/etc/a', '/etc/b']],
        [1, 1, ['/etc/odd']],
      ],
    );
    assert.match(text, /^\*Holdfast nodes\*: new drift on 30 nodes\n/);
    await aWhile();
    assert.equal(made.messages().length, 1);
    await agents[7]!.tell(made.store.store, [file('/etc/b', 'c')]);
    const changedAgain = await made.until('the file that changed once more', 2);
    assert.deepEqual(
      changedAgain.nodes.drift!.map(({ nodes: on, drift }) => [on, drift[0]!.path]),
      [[1, '/etc/b']],
    );
  });

  it('tells silence, speech again and recovery, and no silence that a restart only makes look over', async () => {
    await using made = await site();
    const [a, b] = await made.nodes('a', 'b');
    const first = await made.start();
    await a!.tell(made.store.store, [file('/etc/a')]);
    await made.until('the drift', 1);
    made.silent.add('b');
    assert.deepEqual((await made.until('the silence', 2)).nodes.silent, ['b']);
    await first[Symbol.asyncDispose]();
    made.silent.clear();
    made.heard.clear();
    const store = await made.store.reopen();
    await made.start(store);
    await aWhile();
    assert.equal(made.messages().length, 2);
    made.heard.add('b');
    await b!.tell(store);
    assert.deepEqual((await made.until('the speech', 3)).nodes.speakAgain, ['b']);
    await a!.tell(store, [], ['/etc/a']);
    assert.deepEqual((await made.until('the recovery', 4)).nodes.recovered, ['a']);
  });

  it('lets a message on its way finish when it is stopped, and does not tell it again', async () => {
    await using made = await site();
    const [a] = await made.nodes('a');
    made.hook.behave = { status: 200, afterMs: 150 };
    const first = await made.start();
    await a!.tell(made.store.store, [file('/etc/a')]);
    await waitFor('the message to be on its way', () => made.hook.open.size > 0);
    await first[Symbol.asyncDispose]();
    assert.equal(made.messages().length, 1);
    await made.start(await made.store.reopen());
    await aWhile();
    assert.equal(made.hook.asked, 1);
  });

  it('says nothing of what is acknowledged or expected, and nothing of what was there before it was configured', async () => {
    await using made = await site();
    const [a] = await made.nodes('a');
    await a!.tell(made.store.store, [file('/etc/old')]);
    await made.start();
    await a!.tell(made.store.store, [file('/etc/seen')]);
    const request = {
      paths: ['/etc/seen'],
      drifts: null,
      ifMatch: null,
      who: 'ada',
      reason: 'r',
      until: 3_000_000,
    };
    await made.store.store.decide('a', (view) => decideAcknowledgement(view, request, 2_000_000));
    await aWhile();
    assert.deepEqual(made.messages(), []);
    await made.store.store.windows.open({
      nodes: ['*'],
      paths: ['/etc/expected'],
      until: 3_000_000,
      reason: 'upgrade',
      accept: false,
      openedAt: 1_000_000,
      openedBy: 'ada',
    });
    await a!.tell(made.store.store, [file('/etc/expected')]);
    await aWhile();
    assert.deepEqual(made.messages(), []);
    await a!.tell(made.store.store, [file('/etc/new')]);
    const { nodes } = await made.until('the rest', 1);
    assert.deepEqual(
      nodes.drift!.map(({ drift }) => drift.map(({ path }) => path)),
      [['/etc/new']],
    );
  });

  for (const [what, behaviour] of [
    ['fails', { status: 503 }],
    ['is gone', { status: 404 }],
    ['says nothing', 'silent'],
    ['answers garbage', 'garbage'],
  ] as readonly [string, Behaviour][]) {
    it(`loses nothing while the webhook ${what}, over a restart too, and then says how it is by then`, async () => {
      const metrics = new CollectorMetrics();
      await using made = await site(metrics);
      const [a, b] = await made.nodes('a', 'b');
      made.hook.behave = behaviour;
      const first = await made.start();
      await a!.tell(made.store.store, [file('/etc/kept'), file('/etc/undone')]);
      await waitFor('a try', () => made.hook.asked > 1);
      const shown = await metrics.registry.metrics();
      assert.match(shown, /^holdfast_deliveries_up\{output="webhook",about="nodes"\} 0$/m);
      assert.match(shown, /^holdfast_deliveries_waiting\{output="webhook",about="nodes"\} 1$/m);
      await first[Symbol.asyncDispose]();
      const store = await made.store.reopen();
      await a!.tell(store, [], ['/etc/undone']);
      await b!.tell(store, [file('/etc/kept')]);
      made.hook.behave = { status: 200 };
      await made.start(store);
      const { nodes } = await made.until('the news', 1);
      assert.deepEqual(
        nodes.drift!.map(({ nodes: on, drift }) => [on, drift.map(({ path }) => path)]),
        [[2, ['/etc/kept']]],
      );
      await aWhile();
      assert.equal(made.messages().length, 1);
    });
  }

  it('sends counts alone where the whole is refused', async () => {
    const metrics = new CollectorMetrics();
    await using made = await site(metrics);
    const [a] = await made.nodes('a');
    made.hook.behave = ({ body }) => ({ status: body.includes('/etc/poison') ? 400 : 200 });
    await made.start();
    await a!.tell(made.store.store, [file('/etc/poison')]);
    const { text, nodes } = await made.until('the counts', 1);
    assert.equal(text, '*Holdfast nodes*: new drift on 1 node');
    assert.deepEqual(nodes.counts, {
      newlyDrifting: 1,
      silent: 0,
      speakAgain: 0,
      recovered: 0,
      rows: 1,
      hiddenChanges: 0,
    });
    const shown = await metrics.registry.metrics();
    assert.match(shown, /^holdfast_deliveries_total\{output="webhook",about="nodes",result="refused"\} 1$/m);
    await a!.tell(made.store.store, [file('/etc/fine')]);
    assert.equal((await made.until('the next', 2)).nodes.drift!.length, 1, 'is whole again');
  });
});
