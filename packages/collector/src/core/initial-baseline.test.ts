import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyPending } from '#core/initial-baseline';
import { file, openTestStore, TestAgent } from '#store/test-node';

const whole = { entries: 100, unread: 0 };
const noSiblings = () => null;

const never = () => false;

test('a whole first manifest is taken, alone or with half of what its siblings have', () => {
  assert.equal(whyPending('accept', whole, [], never, noSiblings), null);
  assert.equal(
    whyPending('accept', whole, [], never, () => 200),
    null,
  );
  const lacking = [{ path: '/var/lib/kubelet/config.yaml', reason: 'missing' }] as const;
  assert.equal(
    whyPending('accept', whole, lacking, (path) => path === lacking[0].path, noSiblings),
    null,
  );
  assert.equal(
    whyPending('accept', whole, [{ path: '/usr/local/bin', reason: 'empty' }], never, noSiblings),
    null,
  );
});

test('a first manifest waits for an operator where the configuration, or what it holds, says so', () => {
  const why = (...args: Parameters<typeof whyPending>) => whyPending(...args) ?? 'taken';
  assert.match(why('pending', whole, [], never, noSiblings), /configuration/);
  assert.match(why('accept', { entries: 0, unread: 0 }, [], never, noSiblings), /empty/);
  assert.match(why('accept', { entries: 9, unread: 1 }, [], never, noSiblings), /1 path could not be read/);
  const dark = [{ path: '/etc/ssl', reason: 'unreadable' }] as const;
  assert.match(why('accept', whole, dark, never, noSiblings), /1 place could not be listed/);
  const lost = [{ path: '/etc', reason: 'missing' }] as const;
  assert.match(why('accept', whole, lost, never, noSiblings), /\/etc is missing/);
  assert.match(
    why('accept', whole, [], never, () => 201),
    /100 entries, where other nodes with this scope have 201/,
  );
});

test('a node that has far fewer entries than its siblings waits, and is taken once it has them', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const files = Array.from({ length: 10 }, (_, i) => file(`/etc/${i}`));
  for (const name of ['n1', 'n2', 'n3']) await new TestAgent(name, files).introduce(store);
  const small = new TestAgent('n4', files.slice(0, 4));
  await small.introduce(store);
  assert.match((await store.node('n4'))?.state.pendingBecause ?? '', /4 entries/);
  assert.equal((await store.node('n4'))?.state.baseline, null);
  await small.tell(store, files);
  assert.equal((await store.node('n4'))?.state.baseline?.sequence, 1);
  assert.equal((await store.node('n4'))?.state.pendingBecause, null);
});

test('what a pending node cannot read is unknown already', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [file('/etc/hosts'), file('/etc/shadow', 'a', { unread: 'permission' })]);
  await agent.introduce(store);
  assert.equal((await store.node('n1'))?.state.baseline, null);
  assert.deepEqual(await agent.unknown(store), ['permission /etc/shadow']);
});
