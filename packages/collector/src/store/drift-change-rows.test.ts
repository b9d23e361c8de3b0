import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { driftFingerprint } from '#core/drift-fingerprint';
import { decideUndo } from '#core/restore-baseline';
import { migrate } from '#store/migrate';
import { migrations } from '#store/migrations';
import { addDriftChanges } from '#store/migrations/drift-changes';
import { databaseName } from '#store/sqlite-store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');

test('the same change of many nodes is kept once, for as long as it stands or is history on one of them', async (t) => {
  await using opened = await openTestStore();
  const { store } = opened;
  const db = new Sqlite(join(opened.dataDir, databaseName), { readonly: true });
  t.after(() => db.close());
  const kept = () => {
    const miscounted = db.prepare(
      `SELECT * FROM drift_change WHERE drifts <> (SELECT count(*) FROM drift WHERE drift.fingerprint = drift_change.fingerprint)`,
    );
    assert.deepEqual(miscounted.all(), []);
    return db.prepare<[], number>('SELECT count(*) FROM drift_change').pluck().get();
  };
  const agents = ['n1', 'n2', 'n3'].map((name) => new TestAgent(name, [hosts]));
  for (const agent of agents) {
    await agent.introduce(store);
    await agent.tell(store, [file('/etc/hosts', 'b'), file('/etc/new')]);
  }
  assert.equal(kept(), 2);
  const [first, ...others] = agents as [TestAgent, TestAgent, TestAgent];
  await first.tell(store, [file('/etc/hosts', 'c')]);
  assert.equal(kept(), 3);
  for (const agent of others) await agent.tell(store, [file('/etc/hosts', 'c')]);
  assert.equal(kept(), 2, 'what no drift is any more goes');
  await first.mustAccept(store);
  assert.equal(kept(), 2);
  await store.decide('n1', (view) =>
    decideUndo(view, { ifMatch: null, who: 'ada', reason: null }, first.now),
  );
  for (const agent of agents) {
    assert.deepEqual(await agent.standing(store), ['changed /etc/hosts', 'added /etc/new']);
    await agent.tell(store, [hosts], ['/etc/new']);
  }
  assert.equal(kept(), 2, 'history needs it too');
  assert.equal((await store.tidy(Infinity)).drifts, 6);
  assert.equal(kept(), 0);
});

test('that the store lacks what a drift was does not pass unnoticed when retention takes it', async (t) => {
  await using opened = await openTestStore();
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(opened.store);
  await agent.tell(opened.store, [file('/etc/hosts', 'b')]);
  await agent.tell(opened.store, [hosts]);
  const db = new Sqlite(join(opened.dataDir, databaseName));
  t.after(() => db.close());
  db.prepare('DELETE FROM drift_change').run();
  await assert.rejects(opened.store.tidy(Infinity), /lacks what a drift is/);
});

test('drift of before, standing or ended, is what it was', (t) => {
  const db = new Sqlite(':memory:');
  t.after(() => db.close());
  db.pragma('foreign_keys = OFF');
  migrate(db, migrations.slice(0, migrations.indexOf(addDriftChanges)));
  const change = { path: '/etc/new', change: 'added', attributes: [], before: null, after: hosts } as const;
  const fingerprint = driftFingerprint(change);
  const add = db.prepare(
    `INSERT INTO drift (node, bucket, path, change, attributes, after, first_seen_at, ended_at, fingerprint)
     VALUES (?, 1, '/etc/new', 'added', '', ?, 5, ?, ?)`,
  );
  const line = 'the line of an entry';
  add.run(1, line, null, Buffer.from(fingerprint, 'hex'));
  add.run(2, line, 9, Buffer.from(fingerprint, 'hex'));
  add.run(2, 'another line', 7, null);
  migrate(db);
  assert.deepEqual(
    db
      .prepare(
        'SELECT node, drift_change.after, drifts FROM drift JOIN drift_change USING (fingerprint) ORDER BY id',
      )
      .raw()
      .all(),
    [
      [1, line, 2],
      [2, line, 2],
      [2, 'another line', 1],
    ],
  );
  assert.equal(db.prepare('SELECT count(*) FROM drift_change').pluck().get(), 2);
});
