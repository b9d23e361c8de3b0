import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Manifest } from '@holdfast/shared/manifest';
import { maxDirtyPaths } from '#core/dirty-paths';
import { type Disturbance, type ReceivedReport, TestCollector } from './test-collector.ts';
import { file, pathOf, startTestNode, type TestNode, until } from './test-node.ts';

const inStep = (node: TestNode, collector: TestCollector): boolean =>
  collector.digest !== null && collector.digest === node.observation.manifest?.digest();

async function converge(node: TestNode, collector: TestCollector): Promise<void> {
  await until(() => inStep(node, collector) && node.outbox.waiting === 0, 'the collector is in step');
}

const changesIn = ({ report }: ReceivedReport): number =>
  report.upserts.length + report.removed.length + report.buckets.length;

/** Disturbs the next `count` reports. */
function first(count: number, disturbance: Disturbance): () => Disturbance | null {
  let left = count;
  return () => (left-- > 0 ? disturbance : null);
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-agent-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('a node says that it starts, then what it holds, then only what changes', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  await until(() => collector.received.length === 1, 'the first report');
  const [starting] = collector.received;
  assert.equal(starting?.report.result, null);
  assert.equal(starting?.report.health.phase, 'starting');
  assert.deepEqual(starting?.report.scope.document, node.observation.scope.scope);

  node.observation.begin(1000);
  await converge(node, collector);
  assert.equal(collector.received.length, 2, 'what the collector has not, it is sent at once');
  assert.equal(collector.received[1]?.headers['content-encoding'], 'zstd');
  assert.equal(collector.received[1]?.report.scope.document, undefined);

  node.observation.change([1, 1], [2, null], [5000, 1]);
  await converge(node, collector);
  const { report } = collector.received[2]!;
  assert.deepEqual(report.upserts, [file(1, 1), file(5000, 1)]);
  assert.deepEqual(report.removed, [pathOf(2)]);
  assert.deepEqual(
    report.events.map(({ position, path }) => [position, path]),
    [1, 2, 5000].map((n, i) => [i + 1, pathOf(n)]),
  );
  assert.deepEqual(report.buckets, []);
  assert.equal(collector.received.length, 3);
  assert.equal(node.reporter.lastError, null);
  assert.ok(node.reporter.lastAcknowledgedAt! > Date.now() - 5000);
});

test('a heartbeat goes out when nothing changes, and starts from what was acknowledged', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url, { heartbeatSeconds: 0.05 });
  node.observation.begin(10);
  await until(() => collector.received.length >= 5, 'heartbeats');
  const last = collector.received.at(-1)!;
  assert.equal(last.report.base, last.report.result);
  assert.equal(changesIn(last), 0);
});

test('a restarted agent with nothing new sends no entry', async (t) => {
  await using collector = await TestCollector.start();
  const statePath = await temporaryDirectory(t);
  for (let start = 0; start < 2; start++) {
    await using node = await startTestNode(collector.url, { statePath });
    node.observation.begin(100);
    await converge(node, collector);
    await until(() => node.reporter.lastAcknowledgedAt !== null && !node.reporter.inFlight, 'an answer');
    assert.equal(await node.reporter.flush(1000), true);
  }
  const instances = new Set(collector.received.map(({ report }) => report.instance));
  assert.equal(instances.size, 2);
  const afterRestart = collector.received.filter(({ report }) => report.instance === [...instances][1]);
  assert.ok(afterRestart.every((received) => changesIn(received) === 0));
});

test('a restarted agent sends the buckets that differ, and no other', async (t) => {
  await using collector = await TestCollector.start();
  const statePath = await temporaryDirectory(t);
  {
    await using node = await startTestNode(collector.url, { statePath });
    node.observation.begin(3000);
    await converge(node, collector);
  }
  const before = collector.received.length;
  await using node = await startTestNode(collector.url, { statePath });
  node.observation.begin(3000);
  node.observation.manifest?.set(file(7, 1)); // changed while no agent ran
  await converge(node, collector);
  const buckets = collector.received.slice(before).flatMap(({ report }) => report.buckets);
  assert.equal(buckets.length, 1);
  assert.ok(buckets[0]?.entries.some((entry) => entry.path === pathOf(7)));
});

for (const [name, disturbance] of Object.entries({
  'a collector that answers 500': { kind: 'answer', status: 500 },
  'a collector whose disk is full': { kind: 'problem', code: 'storage-unavailable' },
  'a success that is no answer': { kind: 'answer', status: 200, body: '<html>welcome</html>' },
  'a cut connection': { kind: 'cut' },
  'a collector that never answers': { kind: 'hang' },
  'a lost answer': { kind: 'lose-answer' },
} satisfies Record<string, Disturbance>)) {
  test(`${name}: the report is repeated byte for byte, and nothing is lost or told twice`, async () => {
    await using collector = await TestCollector.start();
    await using node = await startTestNode(collector.url, { reportTimeoutMs: 100 });
    node.observation.begin(50);
    await converge(node, collector);
    const before = collector.received.length;
    collector.disturb = first(2, disturbance);
    node.observation.change([1, 1]);
    await until(() => collector.received.length > before, 'the report');
    node.observation.change([2, 1]);
    await converge(node, collector);
    const [sent, ...repeats] = collector.received.slice(before, before + 3);
    for (const repeat of repeats) assert.deepEqual(repeat.bytes, sent?.bytes);
    assert.deepEqual(
      collector.events.map(({ event }) => event.path),
      [pathOf(1), pathOf(2)],
    );
  });
}

test('a collector that was away while more paths changed than can be named is told what differs', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  node.observation.begin(50);
  await converge(node, collector);
  let isAway = true;
  collector.disturb = () => (isAway ? { kind: 'answer', status: 500 } : null);
  node.observation.change([1, 1]); // on its way, and repeated, before the others come
  await until(() => node.reporter.lastError !== null, 'a failure');
  for (let n = 1000; n < 1000 + maxDirtyPaths + 1; n++) node.observation.change([n, 1], [n, null]);
  node.observation.change([2, 1]);
  const before = collector.received.length;
  isAway = false;
  await until(() => inStep(node, collector) && node.reporter.lastError === null, 'the collector is in step');
  const named = collector.received.slice(before).map(({ report }) => report.removed.length);
  assert.equal(Math.max(...named), 0, 'no report lists the names that came and went');
});

test('Retry-After is obeyed', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  node.observation.begin(5);
  await converge(node, collector);
  const before = collector.received.length;
  collector.disturb = first(1, { kind: 'answer', status: 503, retryAfter: '1' });
  node.observation.change([1, 1]);
  await converge(node, collector);
  const [refused, repeated] = collector.received.slice(before);
  assert.ok(repeated!.at - refused!.at >= 990, `${repeated!.at - refused!.at} ms`);
});

for (const code of ['unauthenticated', 'forbidden', 'invalid-report', 'sequence-passed'] as const) {
  test(`after ${code} the next report is made anew, and complete`, async () => {
    await using collector = await TestCollector.start();
    await using node = await startTestNode(collector.url);
    node.observation.begin(50);
    await converge(node, collector);
    const before = collector.received.length;
    collector.disturb = first(3, { kind: 'problem', code });
    node.observation.change([1, 1]);
    await until(() => collector.received.length > before, 'the report');
    node.observation.change([2, 1]);
    await until(() => node.reporter.lastError?.includes(code) ?? false, 'the refusal shows');
    await converge(node, collector);
    const sequences = collector.received.slice(before).map(({ report }) => report.sequence);
    assert.equal(new Set(sequences).size, sequences.length);
    assert.ok(
      collector.received.slice(before).every(({ report }) => report.buckets.length === 0),
      'nothing had to be compared anew',
    );
    assert.equal(collector.events.length, 2);
    assert.equal(node.reporter.lastError, null);
  });
}

test('what only a person can cure is tried at the pace of the heartbeat', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url, { heartbeatSeconds: 0.3 });
  collector.disturb = first(2, { kind: 'problem', code: 'node-deleted' });
  node.observation.begin(5);
  for (let i = 1; i <= 20; i++) {
    node.observation.change([i, 1]);
    await sleep(5);
  }
  await converge(node, collector);
  const [one, two, three] = collector.received;
  assert.ok(two!.at - one!.at >= 290 && three!.at - two!.at >= 290, 'changes do not hurry it');
});

test('a report that is too large is made again with fewer events', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  node.observation.begin(5);
  await converge(node, collector);
  collector.disturb = (report) => (report.events.length > 10 ? { kind: 'answer', status: 413 } : null);
  node.observation.change(...Array.from({ length: 45 }, (_, i) => [i, 1] as const));
  await converge(node, collector);
  assert.deepEqual(
    collector.events.map(({ event }) => event.position),
    Array.from({ length: 45 }, (_, i) => i + 1),
  );
});

test('an encoding that is not understood gives way to the next', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  collector.disturb = () =>
    collector.received.at(-1)?.headers['content-encoding'] ? { kind: 'answer', status: 415 } : null;
  node.observation.begin(500);
  await converge(node, collector);
  const used = collector.received.map(({ headers }) => headers['content-encoding'] ?? 'identity');
  assert.deepEqual(used.slice(-3), ['zstd', 'gzip', 'identity']);
});

test('a collector that no longer knows the scope is sent it again', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  node.observation.begin(5);
  await converge(node, collector);
  const before = collector.received.length;
  collector.disturb = first(1, { kind: 'problem', code: 'scope-unknown' });
  node.observation.change([1, 1]);
  await converge(node, collector);
  assert.ok(collector.received[before + 1]?.report.scope.document);
});

test('a collector that lost entries without saying so is brought right by buckets', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  node.observation.begin(500);
  await converge(node, collector);
  collector.restore(new Manifest(node.observation.scope.digest, [file(1, 9)]), collector.epoch);
  node.observation.change([3, 1]);
  await converge(node, collector);
});

test('digests that look equal and are not end in all 256 buckets', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  await until(() => collector.received.length === 1, 'the first report');
  const bucketDigests = new Manifest(
    node.observation.scope.digest,
    Array.from({ length: 20 }, (_, n) => file(n, 0)),
  ).bucketDigests();
  const lie = JSON.stringify({
    type: '',
    title: '',
    status: 409,
    code: 'base-mismatch',
    detail: '',
    epoch: 'epoch-1',
    observed: null,
    bucketDigests,
  });
  collector.disturb = first(2, { kind: 'answer', status: 409, body: lie });
  node.observation.begin(20);
  await converge(node, collector);
  assert.equal(collector.received.at(-1)?.report.buckets.length, 256);
});

test('after a restore of the collector everything is compared anew', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url, { heartbeatSeconds: 0.05 });
  node.observation.begin(300);
  await converge(node, collector);
  node.observation.change([1, 1]);
  await converge(node, collector);
  const old = Array.from({ length: 300 }, (_, n) => file(n, 0));
  collector.restore(new Manifest(node.observation.scope.digest, old), 'epoch-2');
  await converge(node, collector);
});

test('commands are carried out once, and said to be done', async () => {
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url);
  node.observation.begin(5);
  await converge(node, collector);
  await sleep(20); // the long poll is open
  collector.command({ id: 1, kind: 'rescan' });
  collector.command({ id: 2, kind: 'rescan' });
  collector.command({ id: 3, kind: 'resynchronise' });
  await until(() => collector.commands.length === 0, 'all are done');
  assert.ok(node.observation.rescans <= 2, `${node.observation.rescans} scans`);
});

test('where long polls are forbidden, commands come with the answers', async () => {
  await using collector = await TestCollector.start();
  collector.commandsStatus = 405;
  await using node = await startTestNode(collector.url, { heartbeatSeconds: 0.05 });
  node.observation.begin(5);
  collector.command({ id: 7, kind: 'rescan' });
  await until(() => collector.commands.length === 0, 'it is done');
  assert.equal(node.observation.rescans, 1);
});

test('a flush tells everything, and gives up when the collector is away', async () => {
  const collector = await TestCollector.start();
  await using node = await startTestNode(collector.url, { backoff: { minMs: 60_000, maxMs: 60_000 } });
  node.observation.begin(5);
  await converge(node, collector);
  node.observation.change([1, 1]);
  assert.equal(await node.reporter.flush(2000), true);
  assert.equal(collector.events.length, 1);
  await collector[Symbol.asyncDispose]();
  node.observation.change([2, 1]);
  const before = performance.now();
  assert.equal(await node.reporter.flush(3000), false);
  assert.ok(performance.now() - before < 2000, 'a refused connection is an answer');
});

test('events of a time without a collector are delivered by the next start of the agent', async (t) => {
  const statePath = await temporaryDirectory(t);
  {
    await using node = await startTestNode('http://127.0.0.1:9', { statePath });
    node.observation.begin(5);
    node.observation.change([1, 1]);
    node.observation.change([1, 0]);
  }
  await using collector = await TestCollector.start();
  await using node = await startTestNode(collector.url, { statePath });
  node.observation.begin(5);
  await converge(node, collector);
  assert.deepEqual(
    collector.events.map(({ event }) => [event.position, event.after?.size]),
    [
      [1, 1],
      [2, 0],
    ],
  );
});
