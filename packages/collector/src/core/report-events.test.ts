import assert from 'node:assert/strict';
import { test } from 'node:test';
import { file, hex32, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');
const edited = file('/etc/hosts', 'b');

test('a change that was undone before anyone could see it is in the history', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [], [], {
    events: [agent.event(1, hosts.path, hosts, edited), agent.event(2, hosts.path, edited, hosts)],
  });
  assert.deepEqual(await agent.standing(store), []);
  assert.deepEqual((await agent.history(store)).slice(2), [
    'changed /etc/hosts watch',
    'changed /etc/hosts watch',
  ]);
  const [, , event] = await store.events('n1', 0, 10);
  assert.deepEqual(event?.attributes, ['sha256']);
  assert.equal(event?.agentAt, '2026-01-01T00:00:01.000Z');
});

test('an event is stored once, however often it is sent', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const events = [agent.event(1, hosts.path, hosts, edited), agent.event(2, hosts.path, edited, hosts)];
  await agent.tell(store, [], [], { events: events.slice(0, 1) });
  const answer = await agent.tell(store, [], [], { events });
  assert.equal(answer.outcome.eventsStored, 2);
  assert.equal((await agent.history(store)).length, 4);
});

test('a new journal counts from its start, and the loss of the old one is told', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [], [], { events: [agent.event(7, hosts.path, hosts, edited)] });
  agent.journal = hex32('b');
  const answer = await agent.tell(store, [], [], { events: [agent.event(1, hosts.path, edited, hosts)] });
  assert.equal(answer.outcome.eventsStored, 1);
  assert.deepEqual((await agent.history(store)).slice(2), [
    'changed /etc/hosts watch',
    'journal-replaced',
    'changed /etc/hosts watch',
  ]);
});

test('a change that no event tells of gets one without a net', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts, file('/etc/passwd')]);
  await agent.introduce(store);
  await agent.tell(store, [edited, file('/etc/new')], ['/etc/passwd'], {
    events: [agent.event(1, hosts.path, hosts, edited)],
  });
  assert.deepEqual((await agent.history(store)).slice(2).sort(), [
    'added /etc/new untold',
    'changed /etc/hosts watch',
    'removed /etc/passwd untold',
  ]);
});

test('events that the agent dropped are told once', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  const health = { phase: 'watching', watchDegraded: null, outboxDegraded: null, eventsDropped: 3 } as const;
  await agent.tell(store, [], [], { health });
  await agent.tell(store, [], [], { health });
  assert.deepEqual((await agent.history(store)).slice(2), ['events-dropped']);
  assert.equal((await store.events('n1', 0, 10)).at(-1)?.detail, 'the agent dropped 3 events');
  await agent.tell(store, [], [], { journal: 'e'.repeat(32), health: { ...health, eventsDropped: 2 } });
  const summary = await store.node('n1');
  assert.deepEqual([summary?.state.eventsDropped, summary?.state.health.eventsDropped], [5, 2]);
});
