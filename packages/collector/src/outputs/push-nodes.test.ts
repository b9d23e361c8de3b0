import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decideDeletion } from '#core/node-lifecycle';
import { file, openTestStore, TestAgent } from '#store/test-node';
import type { Store } from '#store/store';
import { type Behaviour, HttpDouble } from '../../../../test/harness/http-double.ts';
import { waitFor } from '../../../../test/harness/wait.ts';
import { needTool } from '../../../../test/need.ts';
import { createLog } from '../log.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import type { NodesSnapshot } from './node-metrics.ts';
import { pushNodes, type pushNodesLimits } from './push-nodes.ts';

const log = createLog('silent', process.stdout);
const fast = { lookEveryMs: 10, timeoutMs: 300, minMs: 5, maxMs: 20 };

function start(
  url: URL,
  store: Store,
  {
    limits = {},
    metrics = new CollectorMetrics(),
    isOn = true,
  }: {
    limits?: Partial<typeof pushNodesLimits>;
    metrics?: CollectorMetrics;
    isOn?: boolean;
  } = {},
) {
  const ages = { sinceReportMs: 0, sinceObservedMs: 0 };
  const takeSnapshot = async (): Promise<NodesSnapshot> => ({
    now: 2_000_000,
    nodes: await store.nodes(),
    drift: await store.standingDriftOfAll(200, 2_000_000),
    isOverQuota: () => false,
    statusOf: () => ({ ages, silentSeconds: 300 }),
  });
  return pushNodes(url, {
    store,
    metrics: metrics.deliveries,
    log,
    takeSnapshot: isOn ? takeSnapshot : null,
    limits: { ...fast, ...limits },
  });
}

async function introduced(store: Store, ...names: string[]): Promise<TestAgent[]> {
  const agents = names.map((name) => new TestAgent(name, [file('/etc/hosts')]));
  for (const agent of agents) await agent.introduce(store);
  return agents;
}

function remove(store: Store, node: string) {
  return store.decide(node, (view) => decideDeletion(view, { who: 'ada', reason: null }, 2_000_000));
}

const requests = (double: HttpDouble) =>
  double.taken.map(({ method, path }) => `${method} ${path.replace('/metrics/job/holdfast/node/', '')}`);

describe('the Pushgateway for nodes', () => {
  it('gets a group a node, again only when the node stands another way, and loses it with the node', async () => {
    await using opened = await openTestStore();
    await using double = await HttpDouble.start();
    const [a] = await introduced(opened.store, 'a', 'b');
    await using running = new AsyncDisposableStack();
    running.use(await start(double.url, opened.store, { limits: { timeoutMs: 10_000 } }));
    await waitFor('both', () => double.taken.length === 2);
    await a!.tell(opened.store);
    await sleep(200);
    assert.deepEqual(requests(double), ['PUT a', 'PUT b'], 'a heartbeat is no reason');
    await a!.tell(opened.store, [file('/etc/a')]);
    await waitFor('the drift', () => double.taken.length === 3);
    assert.match(double.taken[2]!.body, /^aide_drift_detected\{node="a",path="\/etc\/a"\} 1$/m);
    assert.match(double.taken[2]!.body, /^holdfast_node_last_report_timestamp_seconds\{node="a"\} /m);
    await remove(opened.store, 'b');
    await waitFor('the deletion', () => double.taken.length === 4);
    assert.deepEqual(requests(double).slice(2), ['PUT a', 'DELETE b']);
  });

  it('puts a group anew after a time, for a Pushgateway that has lost it', async () => {
    await using opened = await openTestStore();
    await using double = await HttpDouble.start();
    await introduced(opened.store, 'a');
    await using running = new AsyncDisposableStack();
    running.use(await start(double.url, opened.store, { limits: { refreshMs: 100 } }));
    await waitFor('three puts', () => double.taken.length >= 3);
  });

  for (const [what, behaviour] of [
    ['fails', { status: 503 }],
    ['says nothing', 'silent'],
    ['answers garbage', 'garbage'],
    ['lies behind a login page that moves', { status: 302 }],
    ['lies behind a login page', 'page'],
  ] as readonly [string, Behaviour][]) {
    it(`is up to date after a time in which it ${what}, nodes that were deleted then included`, async () => {
      await using opened = await openTestStore();
      await using double = await HttpDouble.start();
      const [a] = await introduced(opened.store, 'a', 'b', 'c');
      const first = await start(double.url, opened.store);
      await waitFor('all', () => double.taken.length === 3);
      double.behave = behaviour;
      double.asked = 0;
      await a!.tell(opened.store, [file('/etc/a')]);
      await remove(opened.store, 'b');
      await waitFor('a try', () => double.asked > 0);
      await first[Symbol.asyncDispose]();
      const store = await opened.reopen();
      await remove(store, 'c');
      double.taken.length = 0;
      double.behave = { status: 200 };
      const metrics = new CollectorMetrics();
      await using running = new AsyncDisposableStack();
      running.use(await start(double.url, store, { metrics }));
      await waitFor('all of it', () => double.taken.length === 3);
      assert.deepEqual(requests(double).sort(), ['DELETE b', 'DELETE c', 'PUT a']);
      assert.match(
        await metrics.registry.metrics(),
        /^holdfast_deliveries_up\{output="pushgateway",about="nodes"\} 1$/m,
      );
    });
  }

  it('holds up no node for another that is refused or fails, and asks nobody for ever where all fail', async () => {
    await using opened = await openTestStore();
    await using double = await HttpDouble.start();
    const names = Array.from({ length: 40 }, (_, i) => `n${String(i).padStart(2, '0')}`);
    await introduced(opened.store, ...names);
    const statusOf: Record<string, number> = { n00: 400, n01: 500 };
    double.behave = ({ path }) => ({ status: statusOf[path.slice(-3)] ?? 200 });
    const metrics = new CollectorMetrics();
    const first = await start(double.url, opened.store, { metrics });
    await waitFor('the others', () => double.taken.length === 38);
    const shown = await metrics.registry.metrics();
    assert.match(
      shown,
      /^holdfast_deliveries_total\{output="pushgateway",about="nodes",result="refused"\} 1$/m,
    );
    await waitFor('a try again of what failed, and of nothing else', async () =>
      /^holdfast_deliveries_waiting\{output="pushgateway",about="nodes"\} 1$/m.test(
        await metrics.registry.metrics(),
      ),
    );
    await first[Symbol.asyncDispose]();
    double.behave = { status: 500 };
    double.asked = 0;
    const slow = { minMs: 60_000, maxMs: 60_000 };
    await using running = new AsyncDisposableStack();
    running.use(await start(double.url, opened.store, { limits: slow }));
    await sleep(500);
    assert.ok(double.asked < 20, `${double.asked} requests in one round`);
  });

  it('is not up for a moment while one node fails and the others go through', async () => {
    await using opened = await openTestStore();
    await using double = await HttpDouble.start();
    await introduced(opened.store, 'a', 'b');
    const metrics = new CollectorMetrics();
    const isUp = async () =>
      /^holdfast_deliveries_up\{output="pushgateway",about="nodes"\} 1$/m.test(
        await metrics.registry.metrics(),
      );
    // Looked at whenever `a` has gone through.
    const looks: Promise<boolean>[] = [];
    double.behave = ({ path }) => {
      if (!path.endsWith('/b')) return { status: 200 };
      looks.push(isUp());
      return { status: 500 };
    };
    await using running = new AsyncDisposableStack();
    running.use(await start(double.url, opened.store, { metrics, limits: { refreshMs: 0, concurrency: 1 } }));
    await waitFor('several rounds', () => looks.length > 5);
    assert.deepEqual([...new Set((await Promise.all(looks)).slice(1))], [false]);
  });

  it('takes the groups away where nodes are left out', async () => {
    await using opened = await openTestStore();
    await using double = await HttpDouble.start();
    await introduced(opened.store, 'a', 'b');
    const first = await start(double.url, opened.store);
    await waitFor('both', () => double.taken.length === 2);
    await first[Symbol.asyncDispose]();
    await using running = new AsyncDisposableStack();
    running.use(await start(double.url, opened.store, { isOn: false }));
    await waitFor('their end', () => double.taken.length === 4);
    assert.deepEqual(requests(double).slice(2).sort(), ['DELETE a', 'DELETE b']);
  });

  const skip = needTool('prometheus-pushgateway', 'apt-get install -y prometheus-pushgateway');
  it('is understood by a real Pushgateway', { skip }, async () => {
    await using opened = await openTestStore();
    const url = await freeUrl();
    const gateway = spawn('prometheus-pushgateway', [`--web.listen-address=${url.host}`], {
      stdio: 'ignore',
    });
    await using running = new AsyncDisposableStack();
    running.defer(() => void gateway.kill('SIGKILL'));
    const series = async () => (await fetch(new URL('/metrics', url))).text();
    await waitFor('the Pushgateway', series);
    const [a] = await introduced(opened.store, 'a', 'b.example');
    await a!.tell(opened.store, [file('/etc/"quoted"')]);
    const metrics = new CollectorMetrics();
    running.use(await start(url, opened.store, { metrics }));
    const drift = 'aide_drift_detected{instance="",job="holdfast",node="a",path="/etc/\\"quoted\\""} 1';
    await waitFor('both groups', async () => {
      const text = await series();
      return text.includes(drift) && text.includes('node="b.example"');
    });
    await a!.tell(opened.store, [], ['/etc/"quoted"']);
    await waitFor('the end of the drift', async () => !(await series()).includes(drift));
    await remove(opened.store, 'b.example');
    await waitFor('the end of the node', async () => !(await series()).includes('node="b.example"'));
    assert.ok((await series()).includes('node="a"'));
    const shown = await metrics.registry.metrics();
    assert.match(
      shown,
      /^holdfast_deliveries_total\{output="pushgateway",about="nodes",result="refused"\} 0$/m,
    );
  });
});

async function freeUrl(): Promise<URL> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return new URL(`http://127.0.0.1:${port}/`);
}
