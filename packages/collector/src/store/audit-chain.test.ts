import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { chainAudit } from '#store/migrations/audit-chain';
import { migrate } from '#store/migrate';
import { migrations } from '#store/migrations';
import { databaseName } from '#store/sqlite-store';
import { file, openTestStore, TestAgent, type TestStore } from '#store/test-node';

/** Eight records: a first baseline, and seven acceptances with a reason each. */
async function withHistory(opened: TestStore): Promise<void> {
  const agent = new TestAgent('n1', [file('/etc/hosts')]);
  await agent.introduce(opened.store);
  for (const content of 'bcdefgh') {
    await agent.tell(opened.store, [file('/etc/hosts', content)]);
    await agent.mustAccept(opened.store, { reason: `change number ${content}` });
  }
}

async function problemOf(opened: TestStore): Promise<string | null> {
  return (await opened.store.verifyAudit(null)).problem;
}

/** Does to the database what someone with the file could do. */
async function tamper(opened: TestStore, statements: string): Promise<void> {
  await opened.store[Symbol.asyncDispose]();
  const db = new Sqlite(join(opened.dataDir, databaseName));
  db.exec(`DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened; ${statements}`);
  db.close();
  await opened.reopen();
}

test('the chain holds, over a restart too, and its head is the newest record', async () => {
  await using opened = await openTestStore();
  assert.deepEqual(await opened.store.auditHead(), { id: 0, hash: '0'.repeat(64) });
  assert.equal(await problemOf(opened), null);
  await withHistory(opened);
  const [newest] = await opened.store.audit(null, 1);
  assert.deepEqual(await opened.store.auditHead(), { id: 8, hash: newest?.hash });
  const store = await opened.reopen();
  const verdict = await store.verifyAudit(newest!.hash);
  assert.deepEqual(verdict, { problem: null, head: { id: 8, hash: newest!.hash }, foundHead: true });
});

test('a reason that is no whole text does not break the chain', async () => {
  await using opened = await openTestStore();
  await withHistory(opened);
  const agent = new TestAgent('n2', [file('/etc/hosts')]);
  await agent.introduce(opened.store);
  for (const reason of ['half a pair: \ud83d', '\udc00', 'a\0b', '\ufffd']) {
    await agent.tell(opened.store, [file('/etc/hosts', reason)]);
    await agent.mustAccept(opened.store, { reason, paths: ['/etc/\ud800', '/etc/hosts'] });
  }
  assert.equal(await problemOf(opened), null);
  await opened.reopen();
  assert.equal(await problemOf(opened), null);
});

test('one byte changed in the file of the database breaks the chain', async () => {
  await using opened = await openTestStore();
  await withHistory(opened);
  await opened.store[Symbol.asyncDispose]();
  const path = join(opened.dataDir, databaseName);
  const bytes = await readFile(path);
  let changed = 0;
  for (let at = bytes.indexOf('change number d'); at !== -1; at = bytes.indexOf('change number d', at + 1)) {
    bytes[at + 'change number '.length] = 'x'.charCodeAt(0);
    changed += 1;
  }
  assert.ok(changed > 0);
  await writeFile(path, bytes);
  await opened.reopen();
  assert.match((await problemOf(opened)) ?? '', /^record 4 is not what was written/);
});

for (const [what, statements, problem] of [
  ['a record taken out', 'DELETE FROM audit WHERE id = 3', /^record 3 is missing/],
  [
    'a record taken out and the others moved up',
    'DELETE FROM audit WHERE id = 3; UPDATE audit SET id = id - 1 WHERE id > 3',
    /^record 3 is not/,
  ],
  ['the author changed', "UPDATE audit SET who = 'bob' WHERE id = 5", /^record 5 is not/],
  ['the time changed', 'UPDATE audit SET at = at + 1 WHERE id = 8', /^record 8 is not/],
  [
    'a space put into the details',
    "UPDATE audit SET details = details || ' ' WHERE id = 2",
    /^record 2 is not/,
  ],
  ['the first record taken out', 'DELETE FROM audit WHERE id = 1', /^record 1 is missing/],
  [
    'two records exchanged',
    'UPDATE audit SET id = -3 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = -3',
    /^record 3 is not/,
  ],
] as const) {
  test(`${what}: the chain breaks there`, async () => {
    await using opened = await openTestStore();
    await withHistory(opened);
    await tamper(opened, statements);
    assert.match((await problemOf(opened)) ?? 'no problem', problem);
  });
}

test('what was cut off at the end is missed by whoever kept the head', async () => {
  await using opened = await openTestStore();
  await withHistory(opened);
  const { hash } = await opened.store.auditHead();
  await tamper(opened, 'DELETE FROM audit WHERE id = 8');
  const verdict = await opened.store.verifyAudit(hash);
  assert.ok(verdict.problem === null && !verdict.foundHead);
});

test('the database refuses to change or remove a record, and retention leaves the chain whole', async () => {
  await using opened = await openTestStore();
  await withHistory(opened);
  await opened.store.tidy(Number.MAX_SAFE_INTEGER);
  assert.equal((await opened.store.auditHead()).id, 8);
  assert.equal(await problemOf(opened), null);
  await opened.store[Symbol.asyncDispose]();
  const db = new Sqlite(join(opened.dataDir, databaseName));
  assert.throws(() => db.exec("UPDATE audit SET who = 'bob'"), /is not changed/);
  assert.throws(() => db.exec('DELETE FROM audit'), /is not shortened/);
  db.close();
});

test('records from before there was a chain are chained, and nothing else is lost', () => {
  const db = new Sqlite(':memory:');
  const before = migrations.slice(0, migrations.indexOf(chainAudit));
  migrate(db, before);
  const add = db.prepare(
    'INSERT INTO audit (at, who, action, node, reason, details) VALUES (?, ?, ?, ?, ?, ?)',
  );
  for (let i = 1; i <= 3; i++) add.run(i, 'ada', 'accept', 'n1', null, `{"accepted":${i}}`);
  const old = db.prepare('SELECT id, at, who, action, node, reason, details FROM audit').all();
  migrate(db);
  assert.deepEqual(db.prepare('SELECT id, at, who, action, node, reason, details FROM audit').all(), old);
  const hashes = db.prepare('SELECT DISTINCT hash FROM audit').all();
  assert.equal(hashes.length, 3);
  db.close();
});
