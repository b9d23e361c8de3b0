import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewWindow } from '#core/change-window';
import { globMatcher, SelectionTooCostlyError } from '#core/select-drift';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hour = 3_600_000;

async function open(store: Store, agent: TestAgent, asked: Partial<NewWindow> = {}): Promise<number> {
  const window = await store.windows.open({
    nodes: ['n*'],
    paths: ['/etc/app'],
    until: agent.now + hour,
    reason: 'upgrade',
    accept: false,
    openedAt: agent.now,
    openedBy: 'ada',
    ...asked,
  });
  assert.ok(window);
  return window.id;
}

/** Path and window of each standing drift. */
async function expected(store: Store): Promise<[string, number | null][]> {
  return (await store.standingDrift('n1')).map(({ path, expected: window }) => [path, window]);
}

async function node(store: Store): Promise<TestAgent> {
  const agent = new TestAgent('n1', [file('/etc/hosts'), file('/etc/app/a'), file('/etc/app/b')]);
  await agent.introduce(store);
  return agent;
}

test('the first change of a path in an open window is expected, others are not', async () => {
  await using opened = await openTestStore();
  const agent = await node(opened.store);
  const id = await open(opened.store, agent);
  await agent.tell(opened.store, [file('/etc/app/a', 'b'), file('/etc/hosts', 'b'), file('/etc/app/new')]);
  const store = await opened.reopen();
  assert.deepEqual(await expected(store), [
    ['/etc/app/a', id],
    ['/etc/app/new', id],
    ['/etc/hosts', null],
  ]);
  assert.equal((await store.node('n1'))?.state.baseline?.sequence, 1, 'the baseline does not move by itself');
});

test('a second change of the same path is not expected, nor is what follows a change back', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  await open(store, agent);
  await agent.tell(store, [file('/etc/app/a', 'b'), file('/etc/app/b', 'b')]);
  await agent.tell(store, [file('/etc/app/a', 'c'), file('/etc/app/b')]);
  assert.deepEqual(await expected(store), [['/etc/app/a', null]]);
  await agent.tell(store, [file('/etc/app/b', 'b')]);
  assert.deepEqual(await expected(store), [
    ['/etc/app/a', null],
    ['/etc/app/b', null],
  ]);
});

test('two changes that one report tells of are not expected', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  const id = await open(store, agent);
  const [was, between, is] = ['a', 'x', 'b'].map((content) => file('/etc/app/a', content));
  await agent.tell(store, [is!, file('/etc/app/b', 'b')], [], {
    events: [
      agent.event(1, '/etc/app/a', was!, between!),
      agent.event(2, '/etc/app/a', between!, is!),
      agent.event(3, '/etc/app/b', file('/etc/app/b'), file('/etc/app/b', 'b')),
    ],
  });
  assert.deepEqual(await expected(store), [
    ['/etc/app/a', null],
    ['/etc/app/b', id],
  ]);
});

test('the change of a path that drifted already is expected only if that drift was', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  await agent.tell(store, [file('/etc/app/a', 'x')]);
  const first = await open(store, agent);
  await agent.tell(store, [file('/etc/app/b', 'b')]);
  await store.windows.close(first, agent.now, 'ada', null);
  const second = await open(store, agent, { accept: true });
  await agent.tell(store, [file('/etc/app/a', 'c'), file('/etc/app/new')]);
  assert.deepEqual(await expected(store), [
    ['/etc/app/a', null],
    ['/etc/app/b', first],
  ]);
  await store.windows.close(second, agent.now, 'ada', null);
  const third = await open(store, agent);
  await agent.tell(store, [file('/etc/app/b', 'c')]);
  assert.deepEqual((await expected(store))[1], ['/etc/app/b', third]);
});

test('windows share what matching their globs may cost, so that many do not hold up a report', () => {
  const work = { left: 1000 };
  const [first, second] = [globMatcher(['/etc/**'], work), globMatcher(['/etc/*x*'], work)];
  assert.ok(first(`/etc/${'a'.repeat(50)}`));
  assert.throws(() => {
    for (let i = 0; i < 3; i++) second(`/etc/${'a'.repeat(50)}`);
  }, SelectionTooCostlyError);
  assert.throws(() => first('/etc/a'), SelectionTooCostlyError);
});

test('a window that asks for it accepts what it expects, in the transaction of the report, and nothing else', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  const id = await open(store, agent, { accept: true });
  await agent.tell(store, [file('/etc/app/a', 'b'), file('/etc/hosts', 'b')], ['/etc/app/b']);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
  const { state } = (await store.node('n1'))!;
  assert.deepEqual(
    [state.baseline?.sequence, state.baseline?.acceptedBy, state.baseline?.reviewed],
    [2, 'holdfast', false],
  );
  const [audit] = await store.audit(null, 1);
  assert.deepEqual([audit?.action, audit?.details['window']], ['accept-expected-change', id]);
  assert.match(audit?.reason ?? '', /window \d+: upgrade$/);
  // The second change is drift against what was accepted, and no window takes it.
  await agent.tell(store, [file('/etc/app/a', 'c')]);
  assert.deepEqual(await agent.standing(store), ['changed /etc/app/a', 'changed /etc/hosts']);
  assert.deepEqual((await expected(store))[0], ['/etc/app/a', null]);
});

test('windows that are over, closed, or about other nodes expect nothing', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  const closed = await open(store, agent);
  await store.windows.close(closed, agent.now, 'ada', null);
  await open(store, agent, { nodes: ['m*', 'n1-*'] });
  await open(store, agent, { until: agent.now + 1000 });
  await agent.tell(store, [file('/etc/app/a', 'b')]);
  assert.deepEqual(await expected(store), [['/etc/app/a', null]]);
});

test('of two windows over a path the older one counts, and both have seen the change', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  const first = await open(store, agent);
  await open(store, agent, { accept: true });
  await agent.tell(store, [file('/etc/app/a', 'b')]);
  assert.deepEqual(await expected(store), [['/etc/app/a', first]]);
  await store.windows.close(first, agent.now, 'ada', null);
  await agent.tell(store, [file('/etc/app/a', 'c')]);
  assert.deepEqual(await expected(store), [['/etc/app/a', null]]);
});

test('what a window has seen goes once it is over, and the window with the retention', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = await node(store);
  const id = await open(store, agent);
  await agent.tell(store, [file('/etc/app/a', 'b')]);
  await store.tidy(agent.now);
  assert.equal((await store.windows.list(null, 10)).length, 1);
  await store.tidy(agent.now + 2 * hour);
  assert.deepEqual(await store.windows.list(null, 10), []);
  assert.deepEqual(await expected(store), [['/etc/app/a', id]]);
});
