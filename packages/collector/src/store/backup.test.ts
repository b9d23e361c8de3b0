import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { decideAcknowledgement, decideUnacknowledgement } from '#core/acknowledge-drift';
import { decideDeletion } from '#core/node-lifecycle';
import type { AuditRecord } from '#core/node-state';
import { backUpDatabase } from '#store/backup-database';
import { migrations } from '#store/migrations';
import { restoreDatabase } from '#store/restore-database';
import { databaseName, openSqliteStore } from '#store/sqlite-store';
import { file, openTestStore, scattered, TestAgent, type TestStore } from '#store/test-node';

const hosts = file('/etc/hosts');
const now = Date.parse('2026-03-02T00:00:00.000Z');
const audit: AuditRecord = {
  at: now,
  who: 'command-line',
  action: 'store-restore',
  node: null,
  reason: null,
  details: { backup: 'b.db' },
};

/** Backs the open store up, as another process would. */
function backUp({ dataDir }: TestStore, name = 'backup.db'): string {
  const target = join(dataDir, name);
  backUpDatabase(join(dataDir, databaseName), target, 0);
  return target;
}

/** Closes the store, restores, and opens it again. */
async function restore(opened: TestStore, backup: string) {
  await opened.store[Symbol.asyncDispose]();
  const restored = restoreDatabase(backup, opened.dataDir, { now, audit });
  return { restored, store: await opened.reopen() };
}

describe('a backup', () => {
  test('of a database in use holds everything that was acknowledged, in one file that only its owner can read', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent('n1', [hosts]);
    await agent.introduce(opened.store);
    await agent.tell(opened.store, [file('/etc/hosts', 'b')]);
    const backup = backUp(opened);
    assert.equal(statSync(backup).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(opened.dataDir).filter((name) => name.startsWith('backup')),
      ['backup.db'],
    );
    await agent.tell(opened.store, [file('/etc/later')]);
    const { store } = await restore(opened, backup);
    assert.deepEqual(await agent.standing(store), ['changed /etc/hosts']);
    assert.equal((await store.baselines('n1')).length, 1);
  });

  test('is not begun where it would leave less free than it must, and leaves an earlier one as it was', async () => {
    await using opened = await openTestStore();
    const backup = backUp(opened);
    const before = readFileSync(backup);
    const source = join(opened.dataDir, databaseName);
    assert.throws(() => backUpDatabase(source, backup, 2 ** 60), {
      code: 'storage-unavailable',
      message: /HOLDFAST_MIN_FREE_MIB/,
    });
    assert.ok(readFileSync(backup).equals(before));
  });

  test('is never put in the place of what the collector has open, and not where there is no directory', async () => {
    await using opened = await openTestStore();
    const { dataDir, store } = opened;
    const source = join(dataDir, databaseName);
    symlinkSync(dataDir, join(dataDir, 'link'));
    const own = [
      databaseName,
      `${databaseName}-wal`,
      'collector.lock',
      'revoked-tokens',
      `link/${databaseName}`,
    ];
    for (const name of own) {
      assert.throws(
        () => backUpDatabase(source, join(dataDir, name), 0),
        /where the collector has its own data/,
      );
    }
    assert.throws(
      () => backUpDatabase(source, join(dataDir, 'none', 'b.db'), 0),
      /none is no directory: make it/,
    );
    mkdirSync(join(dataDir, 'taken'));
    assert.throws(
      () => backUpDatabase(source, join(dataDir, 'taken'), 0),
      /taken is a directory: name a file in it/,
    );
    assert.ok(store.isInPlace());
    assert.ok(await store.isWritable());
    renameSync(source, `${source}.away`);
    writeFileSync(source, '');
    assert.ok(!store.isInPlace());
    assert.ok(!(await store.isWritable()), 'what it writes now has no name');
    renameSync(`${source}.away`, source);
    assert.ok(await store.isWritable());
  });

  test('takes over from one that a crash left half written', async () => {
    await using opened = await openTestStore();
    writeFileSync(join(opened.dataDir, 'backup.db.part'), 'half');
    const backup = backUp(opened);
    assert.ok(!existsSync(`${backup}.part`));
  });
});

describe('a restore', () => {
  test('begins a new epoch, tells every node and the audit, and sets the present database aside', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent('n1', [hosts]);
    await agent.introduce(opened.store);
    const { epoch } = opened.store;
    const backup = backUp(opened);
    await agent.tell(opened.store, [file('/etc/lost')]);
    const { restored, store } = await restore(opened, backup);
    assert.notEqual(store.epoch, epoch);
    assert.equal((await agent.history(store)).at(-1), 'store-restored');
    const [last] = await store.audit(null, 1);
    assert.deepEqual(
      [last?.action, last?.who, last?.details['keptRevoked']],
      ['store-restore', 'command-line', 0],
    );
    assert.equal(restored.backup.nodes, 1);
    const aside = restored.setAside ?? '';
    assert.match(aside, /holdfast\.db\.before-restore-20260302T000000Z$/);
    const old = new Sqlite(aside, { readonly: true });
    const paths = old.prepare<[], string>('SELECT path FROM drift').pluck().all();
    old.close();
    assert.deepEqual(paths, ['/etc/lost'], 'nothing of what was there is lost');
  });

  test('keeps tokens revoked that were revoked after the backup', async () => {
    await using opened = await openTestStore();
    const token = { name: 'x', role: 'viewer', node: null, createdAt: 1, expiresAt: null } as const;
    const created = await opened.store.createToken(token, 'd'.repeat(64), {
      ...audit,
      action: 'token-create',
    });
    const backup = backUp(opened);
    await opened.store.revokeToken(created.id, 2, { ...audit, action: 'token-revoke' });
    const { restored, store } = await restore(opened, backup);
    assert.equal(restored.heldBack.keptRevoked, 1);
    assert.equal(await store.tokenByHash('d'.repeat(64)), null);
  });

  test('opens no window again, so that nothing is accepted which was closed for or which is a second change', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent('n1', [hosts]);
    agent.now = now;
    await agent.introduce(opened.store);
    const until = now + 86_400_000;
    const asked = { nodes: ['*'], paths: ['/etc/**'], until, reason: 'CHG-1', accept: true };
    const window = await opened.store.windows.open({ ...asked, openedAt: now, openedBy: 'alice' });
    const backup = backUp(opened);
    await opened.store.windows.close(window!.id, now, 'alice', null);
    agent.now += 1;
    await agent.tell(opened.store, [file('/etc/ld.so.preload', 'x')]);
    assert.deepEqual(await agent.standing(opened.store), ['added /etc/ld.so.preload']);
    const { restored, store } = await restore(opened, backup);
    assert.equal(restored.heldBack.closedWindows, 1);
    assert.deepEqual(await store.windows.openAt(now), []);
    agent.base = (await store.node('n1'))!.state.observed;
    await agent.tell(store, [file('/etc/ld.so.preload', 'x')]);
    assert.deepEqual(await agent.standing(store), ['added /etc/ld.so.preload']);
  });

  test('lets a node that the backup has no baseline of wait for an operator, over a second restore too', async () => {
    await using opened = await openTestStore();
    const backup = backUp(opened);
    const agent = new TestAgent('n1', [hosts]);
    await agent.introduce(opened.store);
    await agent.tell(opened.store, [file('/etc/ld.so.preload', 'x')]);
    const first = await restore(opened, backup);
    assert.equal(first.restored.heldBack.pendingNodes, 1);
    const { restored, store } = await restore(opened, backup);
    assert.equal(restored.heldBack.pendingNodes, 1);
    for (const name of ['n1', 'n2']) await new TestAgent(name, [hosts]).introduce(store);
    const [known, fresh] = await store.nodes();
    assert.equal(known?.state.baseline, null);
    assert.match(known?.state.pendingBecause ?? '', /went back to a backup/);
    assert.notEqual(fresh?.state.baseline, null);
    await agent.accept(store);
    assert.notEqual((await store.node('n1'))?.state.baseline, null);
  });

  test('lets no node report again that was deleted since', async () => {
    await using opened = await openTestStore();
    const agents = ['n1', 'n2'].map((name) => new TestAgent(name, [hosts]));
    for (const agent of agents) await agent.introduce(opened.store);
    const backup = backUp(opened);
    const evicted = { who: 'alice', reason: 'evicted' };
    await opened.store.decide('n1', (view) => decideDeletion(view, evicted, now));
    const { restored, store } = await restore(opened, backup);
    assert.equal(restored.heldBack.keptDeleted, 1);
    const answers = [];
    for (const agent of agents) {
      const answer = await agent.send(store, agent.report([file('/etc/later')]));
      answers.push('refused' in answer ? answer.refused.code : 'taken');
    }
    assert.deepEqual(answers, ['node-deleted', 'taken']);
  });

  test('silences nothing again for which an acknowledgement was taken back, or given to something else', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent('n1', [hosts]);
    await agent.introduce(opened.store);
    await agent.tell(opened.store, [file('/etc/back'), file('/etc/over'), file('/etc/stays')]);
    const asked = { paths: null, drifts: null, ifMatch: null, who: 'alice', reason: 'seen' };
    const until = now + 86_400_000;
    await opened.store.decide('n1', (view) => decideAcknowledgement(view, { ...asked, until }, now));
    const backup = backUp(opened);
    const taken = { ...asked, paths: ['/etc/back'] };
    await opened.store.decide('n1', (view) => decideUnacknowledgement(view, taken, now));
    await agent.tell(opened.store, [], ['/etc/over']);
    const { restored, store } = await restore(opened, backup);
    assert.equal(restored.heldBack.unacknowledged, 2);
    const drift = await store.standingDrift('n1');
    const silenced = drift.filter(({ acknowledgement }) => acknowledgement !== null);
    assert.deepEqual([drift.length, silenced.map(({ path }) => path)], [3, ['/etc/stays']]);
  });

  test('knows what was pushed since for a node that may never come back', async () => {
    await using opened = await openTestStore();
    const pushed = (...nodes: string[]) => ({ told: 0, memory: JSON.stringify(nodes) });
    await opened.store.outlets.setProgress('pushgateway', pushed('gone', 'n1'));
    const backup = backUp(opened);
    await opened.store.outlets.setProgress('pushgateway', pushed('n1', 'n2'));
    const { store } = await restore(opened, backup);
    assert.deepEqual(await store.outlets.progress('pushgateway'), pushed('gone', 'n1', 'n2'));
  });

  test('does not go on with an acceptance on many nodes', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent('n1', [hosts]);
    await agent.introduce(opened.store);
    await agent.tell(opened.store, [file('/etc/hosts', 'b')]);
    const [row] = (await opened.store.fleet.view()).rows;
    const asked = {
      row: row!.id,
      fingerprints: row!.changes.map(({ fingerprint }) => fingerprint),
      who: 'alice',
      reason: null,
    };
    const job = await opened.store.jobs.create({ ...asked, createdAt: now });
    const { restored, store } = await restore(opened, backUp(opened));
    assert.equal(restored.heldBack.endedJobs, 1);
    assert.equal(await store.jobs.running(), null);
    assert.deepEqual(await store.jobs.counts(job!.id), { pending: 0, accepted: 0, refused: 1 });
  });

  test('says that it does not know what was decided since when the present database cannot be read', async () => {
    await using opened = await openTestStore();
    await new TestAgent('n1', [hosts]).introduce(opened.store);
    const backup = backUp(opened);
    await opened.store[Symbol.asyncDispose]();
    const present = join(opened.dataDir, databaseName);
    writeFileSync(present, 'this is no database'.repeat(1000));
    const restored = restoreDatabase(backup, opened.dataDir, { now, audit });
    assert.match(restored.sinceUnknown ?? '', /cannot be read/);
    assert.match(readFileSync(restored.setAside ?? '', 'utf8'), /^this is no database/);
    assert.equal((await (await opened.reopen()).nodes()).length, 1);
  });

  test('refuses what is damaged, no backup of ours, of a newer schema, or in use, and changes nothing', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent(
      'n1',
      scattered('/etc', 200).map((path) => file(path)),
    );
    await agent.introduce(opened.store);
    const damaged = backUp(opened, 'damaged.db');
    truncateSync(damaged, 3 * 4096);
    const stranger = join(opened.dataDir, 'stranger.db');
    const other = new Sqlite(stranger);
    other.exec('CREATE TABLE x (y)');
    other.close();
    const newer = backUp(opened, 'newer.db');
    const db = new Sqlite(newer);
    db.pragma(`user_version = ${migrations.length + 1}`);
    db.close();
    const live = join(opened.dataDir, databaseName);
    const attempt = (backup: string) => () => restoreDatabase(backup, opened.dataDir, { now, audit });
    assert.throws(attempt(newer), { code: 'directory-in-use' });
    assert.throws(attempt(live), /is the database itself, not a backup/);
    await opened.store[Symbol.asyncDispose]();
    assert.throws(attempt(damaged), {
      code: 'damaged-database',
      message: /^\S+damaged\.db is damaged, or is no/,
    });
    assert.throws(attempt(stranger), { code: 'damaged-database', message: /no schema of ours/ });
    assert.throws(attempt(newer), { code: 'newer-schema' });
    assert.throws(attempt(join(opened.dataDir, 'missing.db')), /missing\.db is no file/);
    assert.throws(attempt(opened.dataDir), /is no file/);
    const left = readdirSync(opened.dataDir).filter((name) => name.startsWith(databaseName));
    assert.deepEqual(left, [databaseName]);
    assert.equal((await (await opened.reopen()).nodes()).length, 1);
  });
});

test('a backup is restored where nothing was yet, to be looked at', async () => {
  await using opened = await openTestStore();
  await new TestAgent('n1', [hosts]).introduce(opened.store);
  const dataDir = join(opened.dataDir, 'a', 'look');
  const restored = restoreDatabase(backUp(opened), dataDir, { now, audit });
  assert.equal(restored.setAside, null);
  await using looked = await openSqliteStore({ dataDir });
  assert.equal((await looked.nodes()).length, 1);
});

describe('a database', () => {
  test('with an overwritten page is refused at the start, and the cure is named', async () => {
    await using opened = await openTestStore();
    const agent = new TestAgent(
      'n1',
      scattered('/etc', 200).map((path) => file(path)),
    );
    await agent.introduce(opened.store);
    await opened.store[Symbol.asyncDispose]();
    const present = join(opened.dataDir, databaseName);
    const bytes = readFileSync(present);
    const pages = bytes.length / 4096;
    bytes.fill(0xa5, Math.floor(pages / 2) * 4096, Math.floor(pages / 2) * 4096 + 4096);
    writeFileSync(present, bytes);
    await assert.rejects(openSqliteStore({ dataDir: opened.dataDir }), {
      code: 'damaged-database',
      message: /holdfast-collector restore/,
    });
    writeFileSync(present, '');
    await opened.reopen();
  });

  test('that holds more than it may loses its oldest history first, and gives the space back', async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const paths = scattered('/etc', 250);
    const agent = new TestAgent(
      'n1',
      paths.map((path) => file(path)),
    );
    await agent.introduce(store);
    const filler = 'x'.repeat(4000);
    for (let round = 0; round < 12; round++) {
      const events = paths.map((path, i) =>
        agent.event(round * paths.length + i + 1, path, null, file(path, 'b', { target: filler })),
      );
      await agent.tell(store, [], [], { events });
    }
    const grown = store.size().databaseBytes;
    const { events } = await store.tidy(0, 4 * 1024 * 1024);
    assert.ok(events > 500, `${events} events went`);
    const left = await store.events('n1', 0, 10_000);
    assert.ok(left.length > 0, 'the newest history stays');
    assert.equal(left.at(-1)?.path, paths.at(-1));
    const { databaseBytes, unusedBytes } = store.size();
    assert.ok(databaseBytes - unusedBytes <= 4 * 1024 * 1024);
    assert.ok(databaseBytes < grown, `${databaseBytes} of ${grown}`);
    assert.ok(unusedBytes <= 8 * 1024 * 1024 + 4096);
  });
});
