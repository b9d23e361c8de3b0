import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AcknowledgementRequest,
  decideAcknowledgement,
  decideUnacknowledgement,
} from '#core/acknowledge-drift';
import { isInForce, maxAcknowledgementDays } from '#core/acknowledgement';
import { driftTag } from '#core/drift-tag';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');
const passwd = file('/etc/passwd');
const day = 86_400_000;

type Asked = Partial<AcknowledgementRequest & { reason: string; until: number }>;

function acknowledge(store: Store, agent: TestAgent, asked: Asked = {}) {
  const { now } = agent;
  const request = {
    paths: null,
    drifts: null,
    ifMatch: null,
    who: 'ada',
    reason: 'known',
    until: now + day,
    ...asked,
  };
  return store.decide(agent.name, (view) => decideAcknowledgement(view, request, now));
}

function unacknowledge(store: Store, agent: TestAgent, asked: Asked = {}) {
  const { now } = agent;
  const request = { paths: null, drifts: null, ifMatch: null, who: 'bob', reason: null, ...asked };
  return store.decide(agent.name, (view) => decideUnacknowledgement(view, request, now));
}

/** Paths whose acknowledgement is in force. */
async function acknowledged(store: Store, agent: TestAgent, now = agent.now): Promise<string[]> {
  const drift = await store.standingDrift(agent.name);
  return drift.filter(({ acknowledgement }) => isInForce(acknowledgement, now)).map(({ path }) => path);
}

function count(decided: Awaited<ReturnType<typeof acknowledge>>): number | string {
  return 'refused' in decided ? decided.refused.code : decided.outcome.drifts;
}

async function drifting(store: Store): Promise<TestAgent> {
  const agent = new TestAgent('n1', [hosts, passwd]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b'), file('/etc/new')], ['/etc/passwd']);
  return agent;
}

test('acknowledging takes note of drifts, moves no baseline, and lasts over a restart', async () => {
  await using opened = await openTestStore();
  const agent = await drifting(opened.store);
  assert.equal(count(await acknowledge(opened.store, agent, { paths: ['/etc/hosts'] })), 1);
  const store = await opened.reopen();
  const drift = (await store.standingDrift('n1')).find(({ path }) => path === '/etc/hosts');
  assert.deepEqual(drift?.acknowledgement, {
    at: agent.now,
    who: 'ada',
    reason: 'known',
    until: agent.now + day,
  });
  assert.deepEqual(await acknowledged(store, agent), ['/etc/hosts']);
  assert.equal((await store.node('n1'))?.state.baseline?.sequence, 1);
  assert.equal((await agent.standing(store)).length, 3);
  const [audit] = await store.audit(null, 1);
  assert.deepEqual([audit?.action, audit?.reason, audit?.details['count']], ['acknowledge', 'known', 1]);
  assert.equal((await agent.history(store)).at(-1), 'drift-acknowledged');
});

test('drifts are named by globs, by numbers, by both, or not at all', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  const ids = new Map((await store.standingDrift('n1')).map(({ path, id }) => [path, id]));
  const passwdId = ids.get('/etc/passwd')!;
  assert.equal(count(await acknowledge(store, agent, { drifts: [passwdId] })), 1);
  assert.deepEqual(await acknowledged(store, agent), ['/etc/passwd']);
  assert.equal(count(await acknowledge(store, agent, { drifts: [passwdId], paths: ['/etc/new'] })), 2);
  assert.equal(count(await acknowledge(store, agent)), 3);
  assert.equal(count(await acknowledge(store, agent, { paths: ['/usr/**'] })), 0);
  assert.equal(count(await acknowledge(store, agent, { drifts: [99_999] })), 'node-moved-on');
  assert.equal(count(await acknowledge(store, agent, { paths: [] })), 'bad-request');
  assert.equal(count(await acknowledge(store, agent, { paths: ['etc'] })), 'bad-request');
});

test('an acknowledgement is over when its time is, to the millisecond', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  await acknowledge(store, agent);
  const until = agent.now + day;
  assert.equal((await acknowledged(store, agent, until - 1)).length, 3);
  assert.deepEqual(await acknowledged(store, agent, until), []);
  assert.equal(await store.acknowledgementTag('n1', until), null);
});

test('a time that is past, or further ahead than allowed, is refused', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  const furthest = agent.now + maxAcknowledgementDays * day;
  assert.equal(count(await acknowledge(store, agent, { until: agent.now })), 'bad-request');
  assert.equal(count(await acknowledge(store, agent, { until: furthest + 1 })), 'bad-request');
  assert.equal(count(await acknowledge(store, agent, { until: furthest })), 3);
});

test('another content is another thing than what was acknowledged', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  await acknowledge(store, agent);
  await agent.tell(store, [file('/etc/hosts', 'c')]);
  assert.deepEqual(await acknowledged(store, agent), ['/etc/new', '/etc/passwd']);
});

test('an acknowledgement ends with its drift, and does not come back with the next', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  await acknowledge(store, agent);
  await agent.tell(store, [hosts]);
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  assert.deepEqual(await acknowledged(store, agent), ['/etc/new', '/etc/passwd']);
  await agent.mustAccept(store, { paths: ['/etc/new'] });
  await agent.tell(store, [], ['/etc/new']);
  assert.deepEqual(await acknowledged(store, agent), ['/etc/passwd']);
});

test('taking it back touches only what is acknowledged, and is audited', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  await acknowledge(store, agent, { paths: ['/etc/hosts', '/etc/new'] });
  assert.equal(count(await unacknowledge(store, agent, { paths: ['/etc/hosts', '/etc/passwd'] })), 1);
  assert.deepEqual(await acknowledged(store, agent), ['/etc/new']);
  assert.deepEqual((await store.audit(null, 1))[0]?.action, 'unacknowledge');
  assert.equal(count(await unacknowledge(store, agent)), 1);
  assert.equal(count(await unacknowledge(store, agent)), 0);
});

test('If-Match guards it, and acknowledging does not move what If-Match names', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await drifting(store);
  const tag = async () => {
    const { state } = (await store.node('n1'))!;
    const acknowledgements = await store.acknowledgementTag('n1', agent.now);
    return [driftTag(state), ...(acknowledgements ? [acknowledgements] : [])].join('-');
  };
  const before = await tag();
  assert.equal(count(await acknowledge(store, agent, { ifMatch: `"${before}"` })), 3);
  const after = await tag();
  assert.notEqual(after, before);
  assert.equal(count(await acknowledge(store, agent, { ifMatch: `"${before}"` })), 3);
  assert.equal(count(await unacknowledge(store, agent, { ifMatch: `"${after}"` })), 3);
  await agent.tell(store, [file('/etc/newer')]);
  assert.equal(count(await acknowledge(store, agent, { ifMatch: `"${after}"` })), 'node-moved-on');
});

test('globs that cost too much to match are refused, and nothing is written', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const long = `/etc/${'a/'.repeat(1500)}`;
  await agent.tell(
    store,
    Array.from({ length: 2000 }, (_, i) => file(`${long}${i}`)),
  );
  const bomb = Array.from({ length: 1000 }, (_, i) => `/**/${'*a'.repeat(400)}${i}`);
  assert.equal(count(await acknowledge(store, agent, { paths: bomb })), 'bad-request');
  const accepted = await agent.accept(store, { paths: bomb });
  assert.ok('refused' in accepted && accepted.refused.code === 'bad-request');
  assert.equal((await store.audit(null, 1))[0]?.action, 'accept-initial');
});
