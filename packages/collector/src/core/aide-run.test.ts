import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { minMillisBetweenAsking } from '#core/aide-record';
import { aideStatusOf, isAideInDoubt } from '#core/aide-status';
import { driftTag } from '#core/drift-tag';
import { type RunOptions, type TestFile, TwoEngineNode } from '#store/test-aide';
import { databaseName } from '#store/sqlite-store';
import { openTestStore } from '#store/test-node';

const files = { '/etc/a': {}, '/etc/b': {}, '/etc/c': { acl: '1000' } };

async function shown(node: TwoEngineNode): Promise<string> {
  const aide = (await node.aide())!;
  const { status, reason } = aideStatusOf(aide);
  return `${status}${isAideInDoubt(aide) ? ', in doubt' : ''}: ${reason}`;
}

interface Doubt {
  readonly what: string;
  readonly run: RunOptions;
  readonly reason: RegExp;
  /** What the disk holds when the run reads it. */
  readonly disk?: readonly (readonly [path: string, file: Partial<TestFile> | null])[];
  readonly unreadable?: string;
}

const other = 'd'.repeat(64);
const doubts: readonly Doubt[] = [
  {
    what: 'a database that has not come',
    run: { database: other },
    reason: /dddd.*not kept here, or was altered/,
  },
  { what: 'no database', run: { database: null }, reason: /made no database/ },
  { what: 'another number of rows', run: { entries: 7 }, reason: /3 rows, the run speaks of 7/ },
  { what: 'another baseline', run: { baseline: other }, reason: /another database than the present/ },
  { what: 'a beginning anew', run: { baseline: null }, reason: /began anew/ },
  { what: 'a weakened configuration', run: { configDigest: other }, reason: /configuration is not/ },
  { what: 'a report that could not be read', run: { changed: null }, reason: /could not be read/ },
  {
    what: 'counts that are not the rows',
    run: { changed: 1 },
    reason: /1 changed, its database has .*0 changed/,
  },
  {
    what: 'counts that hide a row',
    disk: [['/etc/a', { content: 'b' }]],
    run: { changed: 0, verdict: 'same' },
    reason: /reports .* 0 changed, its database has .*1 changed/,
  },
  { what: 'a content that could be read before', unreadable: '/etc/a', run: {}, reason: /not read \/etc\/a/ },
];

for (const { what, run, reason, disk = [], unreadable } of doubts) {
  test(`a run with ${what} is unknown: it moves nothing and ends nothing`, async () => {
    await using opened = await openTestStore();
    const node = await new TwoEngineNode(opened.store, files).introduce();
    node.put('/etc/b', { caps: 'cap_net_raw=ep' });
    await node.runAide();
    node.put('/etc/b', { caps: '' });
    const before = (await node.aide())!;
    for (const [path, file] of disk) node.put(path, file);
    if (unreadable !== undefined) node.unreadable.add(unreadable);
    await node.runAide({ ...run, status: 'same' });
    assert.match(await shown(node), new RegExp(`^unknown, in doubt: .*${reason.source}`));
    const after = (await node.aide())!;
    assert.deepEqual([after.baseline, after.newest], [before.baseline, before.newest]);
    assert.ok((await node.drift()).includes('aide changed /etc/b caps'));
    node.unreadable.clear();
    for (const [path] of disk) node.put(path, { content: 'a' });
    await node.runAide();
    assert.deepEqual([await shown(node), await node.drift()], ['same: null', []]);
  });
}

test('far fewer rows than entries are unknown, and nothing is removed', async () => {
  await using opened = await openTestStore();
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`/etc/${i}`, {}]));
  const node = await new TwoEngineNode(opened.store, many).introduce();
  for (let i = 0; i < 70; i++) node.put(`/etc/${i}`, null);
  const { text, run } = await node.beginRun();
  for (let i = 0; i < 70; i++) node.put(`/etc/${i}`, {});
  await node.endRun(text, run);
  assert.match(await shown(node), /^unknown, in doubt: AIDE saw 50 paths where our scan saw 120/);
  assert.deepEqual(await node.drift(), []);
});

test('a first database with contents that AIDE could not read and our scan could is no baseline', async () => {
  await using opened = await openTestStore();
  const node = new TwoEngineNode(opened.store, files);
  node.unreadable.add('/etc/a');
  await node.introduce();
  assert.match(await shown(node), /^unknown: AIDE could not read \/etc\/a/);
  node.unreadable.clear();
  await node.runAide();
  assert.equal(await shown(node), 'same: null');
});

test("AIDE's baseline waits for the node's, and comes with it", async () => {
  await using opened = await openTestStore();
  const node = new TwoEngineNode(opened.store, files);
  Object.assign(node.agent.context, { initialBaseline: 'pending' });
  await node.introduce();
  const waiting = (await node.aide())!;
  assert.deepEqual([waiting.baseline, waiting.newest?.entries], [null, 3]);
  await node.accept();
  await node.look();
  assert.deepEqual((await node.aide())!.baseline, waiting.newest);
});

test('a changed configuration is offered, and accepting everything accepts it', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.configDigest = other;
  await node.runAide({ config: '/etc f p\n' });
  const offered = (await node.aide())!.offered!;
  assert.deepEqual([offered.configDigest, offered.config], [other, '/etc f p\n']);
  await node.accept(['/etc/a']);
  assert.notEqual((await node.aide())!.offered, null);
  await node.accept();
  const aide = (await node.aide())!;
  assert.deepEqual([aide.offered, aide.baseline?.configDigest], [null, other]);
  await node.runAide();
  assert.equal(await shown(node), 'same: null');
});

test('a path that both read and see differently is a disagreement, until one of them sees it change', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.agent.now += 600_000;
  node.put('/etc/a', { content: 'b' });
  const { text, run } = await node.beginRun();
  node.put('/etc/a', { content: 'a' });
  const tag = driftTag((await opened.store.node(node.name))!.state);
  await node.endRun(text, run);
  const { disagreements } = await opened.store.aide.lists(node.name);
  assert.deepEqual(
    disagreements.map(({ path, attributes }) => [path, attributes]),
    [['/etc/a', ['sha256']]],
  );
  assert.deepEqual(await node.drift(), ['aide changed /etc/a sha256']);
  assert.notEqual(driftTag((await opened.store.node(node.name))!.state), tag);
  await node.change('/etc/a', { content: 'c' });
  assert.deepEqual((await opened.store.aide.lists(node.name)).disagreements, []);
});

test('a file that changes while AIDE runs, and after it, is no disagreement and no drift of its own', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.agent.now += 600_000;
  await node.change('/etc/a', { content: 'b' });
  const { text, run } = await node.beginRun();
  await node.change('/etc/a', { content: 'a' });
  await node.endRun(text, run);
  assert.deepEqual([await node.drift(), (await node.aide())!.disagreements], [[], 0]);
  assert.deepEqual(
    (await opened.store.commands(node.name)).map(({ kind }) => kind),
    ['aide'],
  );
});

test('what changed and was put back while AIDE ran, unseen by our engine, is no disagreement by its ctime', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.agent.now += 600_000;
  node.put('/etc/a', { content: 'b' });
  const { text, run } = await node.beginRun({ moved: ['/etc/a'] });
  node.put('/etc/a', { content: 'a' });
  await node.endRun(text, run);
  assert.deepEqual([await node.drift(), (await node.aide())!.disagreements], [[], 0]);
  assert.equal((await opened.store.commands(node.name)).length, 1);
});

test('a run that AIDE began before an acceptance is asked for again, and nothing is lost', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide();
  node.put('/etc/b', { caps: 'cap_net_raw=ep' });
  const { text, run } = await node.beginRun();
  await node.accept(['/etc/a']);
  await node.endRun(text, run);
  assert.match(await shown(node), /^unknown, in doubt: .*asked to run again/);
  await node.runAide();
  assert.deepEqual(await node.drift(), ['aide changed /etc/b caps']);
});

test('a lost baseline begins anew when an operator accepts everything, and not before', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  const aide = { status: 'tampered', reason: 'altered', version: '0.18.3', degraded: [], run: null } as const;
  await node.look({ aide: { ...aide, degraded: [] } });
  assert.equal(await shown(node), 'tampered, in doubt: altered');
  await node.accept(['/etc/a']);
  assert.notEqual(node.baseline, null);
  await node.accept();
  assert.equal(node.baseline, null);
  assert.equal(await shown(node), 'tampered, in doubt: altered');
  const asked = (await opened.store.commands(node.name)).filter(({ kind }) => kind === 'aide');
  assert.equal(asked.length, 1);
  await node.runAide();
  assert.equal(await shown(node), 'same: null');
  assert.notEqual(node.baseline, null);
});

for (const [what, content] of [
  ['is not packed', Buffer.from('garbage')],
  ['is of another digest', zstdCompressSync('other')],
] as const) {
  test(`a baseline that was altered in the collector, and ${what}, is not used, and comes back with its digest`, async () => {
    await using opened = await openTestStore();
    const node = await new TwoEngineNode(opened.store, files).introduce();
    const database = new Database(join(opened.dataDir, databaseName));
    database.prepare('UPDATE aide_database SET content = ?').run(content);
    database.close();
    node.put('/etc/a', { caps: 'cap_net_raw=ep' });
    const told = { exit: 4, changed: 1, added: 0, removed: 0, verdict: 'drift' } as const;
    const { text, run } = await node.beginRun(told);
    await node.endRun(text, run);
    assert.match(
      await shown(node),
      /^unknown, in doubt: AIDE's database .* is not kept here, or was altered/,
    );
    await node.look({
      aide: { status: 'tampered', reason: 'altered', version: '0.18.3', degraded: [], run: null },
    });
    node.put('/etc/a', { caps: '' });
    await node.accept();
    assert.equal(node.baseline, null);
    await node.runAide();
    await node.runAide();
    assert.equal(await shown(node), 'same: null');
  });
}

test('what the agent says of a run that it does not believe is what is shown', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  await node.runAide({ verdict: 'unknown', database: null, reason: 'AIDE warned 3 times' });
  assert.equal(await shown(node), 'unknown, in doubt: AIDE warned 3 times');
  await node.runAide({ verdict: 'unknown', database: null, status: 'same' });
  assert.match(await shown(node), /^unknown, in doubt/);
});

test('a run that is wanted too soon after the last is asked for when it may be', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  const asked = async () => (await opened.store.commands(node.name)).filter(({ kind }) => kind === 'aide');
  const driftAndBack = async (content: string) => {
    await node.change('/etc/a', { content });
    await node.runAide();
    await node.change('/etc/a', { content: 'a' });
  };
  await driftAndBack('b');
  const [first] = await asked();
  await node.look({ commandsDone: [first!.id] });
  await node.runAide();
  await driftAndBack('c');
  assert.deepEqual(await asked(), []);
  node.agent.now += minMillisBetweenAsking;
  await node.look();
  assert.equal((await asked()).length, 1);
});

test('what is known of AIDE survives a restart, and no database is left without a use', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { acl: '1000' });
  await node.runAide();
  const before = [await node.aide(), await node.drift()];
  const store = await opened.reopen();
  const again = (await store.node(node.name))!.state.aide;
  assert.deepEqual(again, before[0]);
  const { baseline, newest } = again!;
  await store.tidy(Number.MAX_SAFE_INTEGER);
  for (const { digest } of [baseline!, newest!]) assert.ok(await store.aide.database(node.name, digest));
});

test('a path that AIDE does not list any more, and our engine sees, is a disagreement', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.agent.now += 600_000;
  node.put('/etc/a', null);
  const { text, run } = await node.beginRun();
  node.put('/etc/a', {});
  await node.endRun(text, run);
  const { disagreements } = await opened.store.aide.lists(node.name);
  assert.deepEqual(
    disagreements.map(({ path, attributes, aide }) => [path, attributes, aide]),
    [['/etc/a', ['type'], null]],
  );
  assert.deepEqual(await node.drift(), []);
  await node.runAide();
  assert.equal((await node.aide())!.disagreements, 0);
});

test('an AIDE that is gone, or has begun anew, leaves a measured node in doubt', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  const telling = (status: 'absent' | 'off' | 'starting') =>
    node.look({ aide: { status, reason: null, version: null, degraded: [], run: null } });
  await telling('absent');
  assert.equal(await shown(node), 'absent, in doubt: null');
  await telling('off');
  assert.equal(await shown(node), 'off: null');
  await node.runAide({ verdict: 'unknown', database: null });
  assert.match(await shown(node), /^unknown, in doubt/);
  await telling('starting');
  assert.match(await shown(node), /^unknown, in doubt/);
  await node.runAide();
  await telling('starting');
  assert.equal(await shown(node), 'starting: null');
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide({ status: 'degraded' });
  assert.equal(await shown(node), 'drift: null');
});

test('the history tells what only AIDE saw, and when it was over', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  await node.change('/etc/b', { content: 'b' });
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide();
  await node.runAide();
  node.put('/etc/a', { caps: '' });
  await node.runAide();
  const events = await opened.store.events(node.name, 0, 1000);
  assert.deepEqual(
    events
      .filter(({ kind }) => kind.startsWith('aide-') && kind !== 'aide-baseline-moved')
      .map(({ kind, path, change, attributes, net, detail }) => [
        kind,
        path,
        change,
        attributes,
        net,
        detail,
      ]),
    [
      ['aide-found', '/etc/a', 'changed', ['caps'], 'aide', 'caps: "" → "cap_net_raw=ep"'],
      ['aide-over', '/etc/a', 'changed', ['caps'], 'aide', 'caps: "" → "cap_net_raw=ep"'],
    ],
  );
});
