import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BaseMismatch, Problem, ReportAnswer } from '@holdfast/shared/wire';
import { call, closeConnections, untilReady } from './harness/api.ts';
import { agentToken, type CollectorProcess, freePort, startCollectorProcess } from './harness/process.ts';
import { postReport, SyntheticAgent } from './harness/synthetic-agent.ts';
import { type SyntheticNode, syntheticFleet } from './harness/synthetic-fleet.ts';

const fleet = syntheticFleet({ nodes: 8, entries: 300, own: 30 });
let dataDir: string;
let collector: CollectorProcess;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-protocol-'));
  collector = startCollectorProcess(dataDir, await freePort());
  await untilReady(collector.url);
});

after(async () => {
  closeConnections();
  await collector[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

async function knownNode(): Promise<{ node: SyntheticNode; agent: SyntheticAgent }> {
  const node = fleet.pop()!;
  const agent = new SyntheticAgent(collector.url, node);
  await agent.converge();
  return { node, agent };
}

const baselineOf = (node: SyntheticNode) => `/api/v1/nodes/${node.name}/baseline`;
const driftOf = async (node: SyntheticNode) =>
  call<{ drift: { path: string }[] }>(collector.url, `/api/v1/nodes/${node.name}/drift`);

test('a report with a wrong result is answered 409 with the bucket digests, and then converges', async () => {
  const { node, agent } = await knownNode();
  const entry = node.change(0, 'new content');
  const wrong = { ...node.difference([entry]), result: 'f'.repeat(64) };
  const refused = await postReport(collector.url, node.name, wrong);
  assert.equal(refused.status, 409, refused.text);
  const mismatch = refused.body as BaseMismatch;
  assert.equal(mismatch.code, 'base-mismatch');
  assert.equal(mismatch.observed, node.base);
  assert.equal(mismatch.bucketDigests.length, 256);
  await agent.converge();
  assert.equal(node.base, node.digest);
  assert.deepEqual(
    (await driftOf(node)).body.drift.map((drift) => drift.path),
    [entry.path],
  );
});

test('a repeated report is answered as before and changes nothing; an overtaken one is refused', async () => {
  const { node } = await knownNode();
  const first = node.difference([node.change(1, 'first')]);
  const answer = await postReport(collector.url, node.name, first);
  assert.equal(answer.status, 200, answer.text);
  node.base = (answer.body as ReportAnswer).observed;
  const eventsBefore = await call(collector.url, `/api/v1/nodes/${node.name}/events`);
  const repeat = await postReport(collector.url, node.name, first);
  assert.equal(repeat.status, 200);
  assert.deepEqual(repeat.body, answer.body);
  assert.equal((await call(collector.url, `/api/v1/nodes/${node.name}/events`)).text, eventsBefore.text);

  const overtaken = node.heartbeat();
  const newer = node.heartbeat();
  assert.equal((await postReport(collector.url, node.name, newer)).status, 200);
  const late = await postReport(collector.url, node.name, overtaken);
  assert.equal(late.status, 409);
  assert.equal((late.body as unknown as Problem).code, 'sequence-passed');
});

test('an acceptance of a digest that the node has left is refused with 412 and moves nothing', async () => {
  const { node, agent } = await knownNode();
  await agent.send(node.difference([node.change(2, 'reviewed')]));
  const reviewed = (await driftOf(node)).headers['etag'] as string;
  const reviewedDigest = node.base!;
  await agent.send(node.difference([node.change(3, 'slipped in')]));
  for (const stale of [reviewed, `"${reviewedDigest}"`]) {
    const refused = await call<Problem>(collector.url, baselineOf(node), {
      method: 'POST',
      headers: { 'if-match': stale },
    });
    assert.equal(refused.status, 412, refused.text);
    assert.equal(refused.body.code, 'node-moved-on');
  }
  assert.equal((await driftOf(node)).body.drift.length, 2);
  const fresh = (await driftOf(node)).headers['etag'] as string;
  assert.equal(
    (await call(collector.url, baselineOf(node), { method: 'POST', headers: { 'if-match': fresh } })).status,
    200,
  );
  assert.equal((await driftOf(node)).body.drift.length, 0);
});

test('of two operators who accept at once what both have looked at, exactly one moves the baseline', async () => {
  const { node, agent } = await knownNode();
  await agent.send(node.difference([node.change(4, 'changed')]));
  const etag = (await driftOf(node)).headers['etag'] as string;
  const accept = () =>
    call(collector.url, baselineOf(node), { method: 'POST', headers: { 'if-match': etag } });
  const statuses = (await Promise.all([accept(), accept()])).map((reply) => reply.status);
  assert.deepEqual(
    statuses.sort((a, b) => a - b),
    [200, 412],
  );
});

test('a report for another name than a DNS label path, or with hostile content, is refused and changes nothing', async () => {
  const { node } = await knownNode();
  const before = (await call(collector.url, '/api/v1/nodes')).body as { nodes: unknown[] };
  const bad: [string, unknown][] = [
    ['UPPER', node.heartbeat()],
    ['..%2f..%2fetc', node.heartbeat()],
    ['a'.repeat(254), node.heartbeat()],
    [node.name, { ...node.heartbeat(), surprise: true }],
    [node.name, { ...node.heartbeat(), upserts: [{ path: 'relative', type: 'file' }] }],
    [
      node.name,
      { ...node.heartbeat(), upserts: [{ path: '/etc/../shadow', type: 'file' }], result: node.digest },
    ],
    [node.name, '{"protocol":1'],
    [node.name, '[]'],
    [node.name, `{"__proto__":{"x":1}}`],
  ];
  for (const [name, body] of bad) {
    const reply = await call<Problem>(collector.url, `/api/v1/nodes/${name}/reports`, {
      method: 'POST',
      token: agentToken,
      body,
    });
    assert.ok(
      reply.status >= 400 && reply.status < 500,
      `${reply.status} for ${JSON.stringify(body).slice(0, 80)}`,
    );
    assert.match(String(reply.headers['content-type']), /^application\/problem\+json/);
    assert.equal(typeof JSON.parse(reply.text).code, 'string');
  }
  const names = (list: { nodes: unknown[] }) => list.nodes.map((each) => (each as { name: string }).name);
  assert.deepEqual(
    names((await call(collector.url, '/api/v1/nodes')).body as { nodes: unknown[] }),
    names(before),
  );
});
