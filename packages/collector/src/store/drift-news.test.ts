import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { driftNews } from '#store/drift-news';
import { migrate } from '#store/migrate';
import { migrations } from '#store/migrations';
import { driftMarks } from '#store/migrations/drift-marks';
import { file, openTestStore, TestAgent } from '#store/test-node';

describe('drift by what is new of it', () => {
  it('is each drift once, over pages that end within a write', async () => {
    await using opened = await openTestStore();
    const { outlets } = opened.store;
    const agents = ['a', 'b'].map((name) => new TestAgent(name, [file('/etc/hosts')]));
    for (const agent of agents) await agent.introduce(opened.store);
    const many = Array.from({ length: 4500 }, (_, i) => file(`/etc/${i}`));
    for (const agent of agents) await agent.tell(opened.store, many);
    const upTo = await outlets.newestMark();
    await agents[0]!.tell(opened.store, [file('/etc/later')]);
    const { nodes, changes } = await outlets.newDrift(0, upTo, 0);
    assert.deepEqual(
      [[...nodes].sort(), changes.size, new Set(changes.values())],
      [['a', 'b'], 4500, new Set([2])],
    );
    const later = await outlets.newDrift(upTo, await outlets.newestMark(), 0);
    assert.deepEqual([[...later.nodes], later.changes.size], [['a'], 1]);
  });

  it('gives drift that changes a new mark, and drift that ends none', async () => {
    await using opened = await openTestStore();
    const { outlets } = opened.store;
    const agent = new TestAgent('a', [file('/etc/hosts')]);
    await agent.introduce(opened.store);
    await agent.tell(opened.store, [file('/etc/a'), file('/etc/b')]);
    const first = await outlets.newestMark();
    await agent.tell(opened.store, [], ['/etc/b']);
    assert.equal(await outlets.newestMark(), first);
    await agent.tell(opened.store, [file('/etc/a', 'c')]);
    const newest = await outlets.newestMark();
    assert.ok(newest > first);
    assert.equal((await outlets.newDrift(first, newest, 0)).changes.size, 1);
    assert.equal((await outlets.newDrift(0, newest, 0)).changes.size, 1);
  });

  it('takes drift from before there were marks for known, and keeps it', async () => {
    const db = new Sqlite(':memory:');
    db.pragma('foreign_keys = OFF');
    migrate(db, migrations.slice(0, migrations.indexOf(driftMarks)));
    db.exec(`INSERT INTO drift (node, bucket, path, change, attributes, first_seen_at, fingerprint)
             VALUES (1, 2, '/etc/old', 'added', '', 5, x'00')`);
    const old = db.prepare('SELECT id, node, path, change, first_seen_at, ended_at FROM drift').all();
    migrate(db);
    assert.deepEqual(
      db.prepare('SELECT id, node, path, change, first_seen_at, ended_at FROM drift').all(),
      old,
    );
    const news = driftNews(db);
    assert.equal((await news.newDrift(0, await news.newestMark(), 0)).changes.size, 0);
    db.close();
  });
});
