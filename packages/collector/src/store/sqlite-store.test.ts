import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { decideAcknowledgement } from '#core/acknowledge-drift';
import { decideDeletion, decideRescan } from '#core/node-lifecycle';
import type { Millis } from '#core/node-state';
import { maxWaitingCommands } from '#store/command-rows';
import { migrations } from '#store/migrations';
import { databaseName, openSqliteStore } from '#store/sqlite-store';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');
const ada = { who: 'ada', reason: null };

function rescan(store: Store, node: string) {
  return store.decide(node, (view) => decideRescan(view, ada, 5));
}

async function everything(store: Store) {
  return {
    epoch: store.epoch,
    nodes: await store.nodes(),
    drift: await store.standingDrift('n1'),
    unknown: await store.unknownPaths('n1'),
    baselines: await store.baselines('n1'),
    events: await store.events('n1', 0, 1000),
    commands: await store.commands('n1'),
    audit: await store.audit(null, 1000),
    tokens: await store.tokens(),
  };
}

test('a store that is opened again holds all that it held', async () => {
  await using opened = await openTestStore();
  const agent = new TestAgent('n1', [hosts, file('/etc/passwd')]);
  await agent.introduce(opened.store);
  agent.blindSpots = [{ path: '/etc/cni', reason: 'empty' }];
  await agent.tell(opened.store, [file('/etc/hosts', 'b'), { ...file('/etc/x'), unread: 'unstable' }]);
  await agent.mustAccept(opened.store, { paths: ['/etc/hosts'] });
  await agent.tell(opened.store, [], ['/etc/passwd']);
  await rescan(opened.store, 'n1');
  const before = await everything(opened.store);
  assert.equal(before.commands.length, 1);
  assert.equal(before.unknown.length, 1);
  await opened.reopen();
  assert.deepEqual(await everything(opened.store), before);
});

test('the database is for its owner only', async () => {
  await using opened = await openTestStore();
  assert.equal((await stat(join(opened.dataDir, databaseName))).mode & 0o777, 0o600);
});

test('directories that are not there are made, for their owner only', async () => {
  await using opened = await openTestStore();
  const dataDir = join(opened.dataDir, 'var', 'lib');
  const store = await openSqliteStore({ dataDir });
  await store[Symbol.asyncDispose]();
  assert.equal((await stat(join(opened.dataDir, 'var'))).mode & 0o777, 0o700);
});

test('a second collector on the same directory is refused, also within a process, until the first is gone', async () => {
  await using opened = await openTestStore();
  const { dataDir } = opened;
  await assert.rejects(openSqliteStore({ dataDir }), { code: 'directory-in-use' });
  await opened.store[Symbol.asyncDispose]();
  await opened.reopen();
});

test('beside the collector that serves, another process may write tokens, but decide nothing', async () => {
  await using opened = await openTestStore();
  const { dataDir, store } = opened;
  await using beside = await openSqliteStore({ dataDir, exclusive: false });
  const audit = { at: 1, who: 'ada', action: 'token-create', node: null, reason: null, details: {} } as const;
  const token = { name: 'ci', role: 'viewer', node: null, createdAt: 1, expiresAt: null } as const;
  await beside.createToken(token, 'h', audit);
  assert.equal((await store.tokenByHash('h'))?.name, 'ci');
  await assert.rejects(async () => rescan(beside, 'n1'), /exclusively/);
});

test('data of a newer program is refused, and left as it is', async () => {
  await using opened = await openTestStore();
  await opened.store[Symbol.asyncDispose]();
  const file = join(opened.dataDir, databaseName);
  const db = new Sqlite(file);
  db.pragma('user_version = 1000');
  db.close();
  await assert.rejects(openSqliteStore({ dataDir: opened.dataDir }), { code: 'newer-schema' });
  const again = new Sqlite(file);
  again.pragma(`user_version = ${migrations.length}`);
  again.close();
  await opened.reopen();
});

test('a data directory that cannot be made is an error, and no wait for ever', async () => {
  await using opened = await openTestStore();
  await assert.rejects(openSqliteStore({ dataDir: '/proc/holdfast/data' }), { code: 'ENOENT' });
  const inAFile = join(opened.dataDir, databaseName, 'data');
  await assert.rejects(openSqliteStore({ dataDir: inAFile }), { code: 'ENOTDIR' });
  const deep = join(opened.dataDir, 'a', 'b');
  await using store = await openSqliteStore({ dataDir: deep });
  assert.ok(store.epoch);
});

test('a database that is damaged, or something else, is named as such and left as it is', async () => {
  await using opened = await openTestStore();
  await new TestAgent('n1', [hosts]).introduce(opened.store);
  await opened.store[Symbol.asyncDispose]();
  const file = join(opened.dataDir, databaseName);
  const good = await readFile(file);
  const overwritten = Buffer.from(good).fill(0x5a, 4096);
  for (const bad of [Buffer.from('no database\n'.repeat(1000)), good.subarray(0, 8192), overwritten]) {
    await writeFile(file, bad);
    await assert.rejects(openSqliteStore({ dataDir: opened.dataDir }), (error: Error) => {
      assert.ok(error.message.startsWith(`${file} is damaged`), error.message);
      return true;
    });
    assert.deepEqual(await readFile(file), bad);
  }
  await writeFile(file, good);
  await opened.reopen();
  assert.notEqual(await opened.store.node('n1'), null);
});

test('a full disk fails what does not fit, changes nothing, and later tries succeed', async () => {
  await using opened = await openTestStore({ maxPages: 100 });
  const small = new TestAgent('small', [hosts]);
  await small.introduce(opened.store);
  const paths = Array.from({ length: 2000 }, (_, i) => `/etc/big/${i}`);
  const big = new TestAgent(
    'big',
    paths.map((path) => file(path, 'a', { sha256: hash('sha256', path) })),
  );
  const report = big.whole();
  await assert.rejects(big.send(opened.store, report), { code: 'storage-unavailable' });
  assert.equal(await opened.store.node('big'), null);
  await small.tell(opened.store, [file('/etc/hosts', 'b')]);
  assert.deepEqual(await small.standing(opened.store), ['changed /etc/hosts']);
  await opened.reopen({ maxPages: 100_000 });
  assert.ok('outcome' in (await big.send(opened.store, report)));
  assert.equal(await opened.store.isWritable(), true);
});

test('commands wake who waits for them, once they are durable, and wait until they are done', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  let woken = 0;
  const stop = store.onCommand('n1', () => (woken += 1));
  const other = store.onCommand('n2', () => assert.fail('woken for another node'));
  const asked = await rescan(store, 'n1');
  assert.ok('outcome' in asked && asked.commands.length === 1);
  assert.equal(woken, 1);
  stop();
  stop();
  other();
  for (let i = 0; i < 2 * maxWaitingCommands; i++) await rescan(store, 'n1');
  assert.equal(woken, 1);
  const waiting = await store.commands('n1');
  assert.equal(waiting.length, maxWaitingCommands);
  assert.ok(waiting.every(({ kind }) => kind === 'rescan'));
  const answer = await agent.tell(store, [], [], {
    commandsDone: [...waiting.slice(1).map(({ id }) => id), 999],
  });
  assert.deepEqual(answer.commands, waiting.slice(0, 1));
  await store.decide('n1', (view) => decideDeletion(view, ada, 6));
  assert.deepEqual(await store.commands('n1'), []);
});

test('a manifest is read in path order, a slice at a time, also while it is replaced and tidied away', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const paths = Array.from({ length: 2500 }, (_, i) => `/etc/${i % 7}/${i}`);
  const agent = new TestAgent(
    'n1',
    paths.map((path) => file(path)),
    { initialBaseline: 'pending' },
  );
  await agent.introduce(store);
  const read: string[] = [];
  let slices = 0;
  for await (const slice of store.manifestEntries(agent.manifest.digest())) {
    read.push(...slice.map(({ path }) => path));
    slices += 1;
    if (slices === 1) {
      await agent.tell(store, [], paths.slice(0, 2000));
      await store.tidy(0);
    }
  }
  assert.deepEqual(read, paths.toSorted());
  assert.equal(slices, 3);
  const { buckets } = await store.tidy(0);
  assert.ok(buckets > 0);
  await assert.rejects(async () => {
    for await (const _ of store.manifestEntries('0'.repeat(64))) assert.fail();
  }, /lacks the manifest/);
});

test('for metrics each node gives its oldest drifts, up to the limit, in an order that stays', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agents = ['n3', 'n2', 'n1'].map((name) => new TestAgent(name, [hosts]));
  for (const agent of agents) await agent.introduce(store);
  for (const agent of agents.slice(1)) {
    await agent.tell(store, [file('/etc/z')]);
    await agent.tell(store, [file('/etc/b'), file('/etc/a')]);
  }
  const shown = async (now: Millis) =>
    (await store.standingDriftOfAll(2, now)).map(({ node, shown, unexplained }) => [
      node,
      ...shown.map(({ path }) => path),
      unexplained,
    ]);
  assert.deepEqual(await shown(0), [
    ['n1', '/etc/z', '/etc/a', 3],
    ['n2', '/etc/z', '/etc/a', 3],
  ]);
  const until = 3_000_000;
  const asked = { ...ada, reason: 'known', paths: ['/etc/a', '/etc/z'], drifts: null, ifMatch: null, until };
  await store.decide('n1', (view) => decideAcknowledgement(view, asked, 2_000_000));
  assert.deepEqual((await shown(until - 1))[0], ['n1', '/etc/b', '/etc/z', 1]);
  assert.deepEqual((await shown(until))[0], ['n1', '/etc/z', '/etc/a', 3], 'it is over');
  const [none] = await store.standingDriftOfAll(0, until);
  assert.deepEqual([none?.shown, none?.unexplained], [[], 3]);
});

test('events and audit are paged by their numbers', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  for (const content of 'bcd') await agent.tell(store, [file('/etc/hosts', content)]);
  await agent.mustAccept(store);
  const first = await store.events('n1', 0, 4);
  const rest = await store.events('n1', first.at(-1)!.id, 4);
  assert.deepEqual([first.length, rest.length], [4, 2]);
  assert.equal(rest.at(-1)?.kind, 'baseline-accepted');
  assert.deepEqual(await store.events('nobody', 0, 4), []);
  const [newest] = await store.audit(null, 1);
  assert.equal(newest?.action, 'accept');
  assert.equal((await store.audit(newest?.id ?? 0, 10)).length, 1);
});

test('a token counts until it is revoked, and a second revocation is none', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const audit = { at: 1, who: 'ada', action: 'token-create', node: null, reason: null, details: {} } as const;
  const wanted = { name: 'n1', role: 'agent', node: 'n1', createdAt: 1, expiresAt: null } as const;
  const hashed = 'a'.repeat(64);
  const token = await store.createToken(wanted, hashed, audit);
  assert.deepEqual(await store.tokenByHash(hashed), token);
  await assert.rejects(store.createToken(wanted, hashed, audit), /UNIQUE/);
  const revoked = { ...audit, action: 'token-revoke' } as const;
  assert.equal(await store.revokeToken(token.id, 2, revoked), true);
  assert.equal(await store.revokeToken(token.id, 3, revoked), false);
  assert.equal(await store.tokenByHash(hashed), null);
  assert.deepEqual(
    (await store.tokens()).map(({ revokedAt }) => revokedAt),
    [2],
  );
  assert.equal((await store.audit(null, 10)).length, 2);
});

test('a revoked token stays revoked when an older copy of the data is put back', async () => {
  await using opened = await openTestStore();
  const { store, dataDir } = opened;
  const audit = { at: 1, who: 'ada', action: 'token-create', node: null, reason: null, details: {} } as const;
  const wanted = { name: 'n1', role: 'agent', node: 'n1', createdAt: 1, expiresAt: null } as const;
  const hashed = 'b'.repeat(64);
  const { id } = await store.createToken(wanted, hashed, audit);
  await store.createToken({ ...wanted, name: 'n2' }, 'c'.repeat(64), audit);
  await store[Symbol.asyncDispose]();
  const backup = await readFile(join(dataDir, databaseName));
  const again = await opened.reopen();
  await again.revokeToken(id, 7, { ...audit, action: 'token-revoke' });
  await again[Symbol.asyncDispose]();
  await writeFile(join(dataDir, databaseName), backup);
  const restored = await opened.reopen();
  assert.equal(await restored.tokenByHash(hashed), null);
  assert.notEqual(await restored.tokenByHash('c'.repeat(64)), null);
  assert.equal((await restored.tokens())[0]?.revokedAt, 7);
  const [newest] = await restored.audit(null, 1);
  assert.deepEqual([newest?.who, newest?.action], ['holdfast', 'token-revoke']);
});

test('a damaged list of revoked tokens is an error, not an empty list', async () => {
  await using opened = await openTestStore();
  await opened.store[Symbol.asyncDispose]();
  await writeFile(join(opened.dataDir, 'revoked-tokens'), '# heading\nnonsense\n');
  await assert.rejects(openSqliteStore({ dataDir: opened.dataDir }), /revoked-tokens: line 2 is damaged/);
});

test('a closed store refuses further work, and closing it twice is closing it', async () => {
  const opened = await openTestStore();
  const agent = new TestAgent('n1', [hosts]);
  const asked = agent.introduce(opened.store);
  await opened.store[Symbol.asyncDispose]();
  assert.ok('outcome' in (await asked));
  await opened.store[Symbol.asyncDispose]();
  await assert.rejects(agent.send(opened.store, agent.report()), { code: 'storage-unavailable' });
  assert.equal(await opened.store.isWritable(), false);
  await opened[Symbol.asyncDispose]();
});

test('reports of many nodes at once are all kept', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agents = Array.from({ length: 50 }, (_, i) => new TestAgent(`n${i}`, [hosts, file(`/etc/own-${i}`)]));
  await Promise.all(agents.map((agent) => agent.introduce(store)));
  await Promise.all(agents.map((agent) => agent.tell(store, [file('/etc/hosts', 'b')])));
  await opened.reopen();
  assert.equal((await opened.store.standingDriftOfAll(10, 0)).length, 50);
  const { scopeDigest } = agents[0]!.manifest;
  const siblings = await opened.store.decide('n0', (view) => ({
    apply: null,
    outcome: view.siblingEntries(scopeDigest),
  }));
  assert.ok('outcome' in siblings && siblings.outcome === 2);
});
