import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import Sqlite, { type Database } from 'better-sqlite3';
import { Checkpoints } from '#store/checkpoints';
import { startCheckpointWorker } from '#store/start-checkpoint-worker';

const pageBytes = 4096;

function openDatabase(t: TestContext): Database {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-checkpoints-'));
  const db = new Sqlite(join(directory, 'test.db'));
  t.after(() => {
    db.close();
    rmSync(directory, { recursive: true });
  });
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE line (text TEXT)');
  return db;
}

/** Commits of some four pages each. */
function write(db: Database, checkpoints: Checkpoints): void {
  db.prepare('INSERT INTO line VALUES (?)').run('x'.repeat(3 * pageBytes));
  checkpoints.committed();
}

function pagesLeft(db: Database): number {
  const [{ log, checkpointed }] = db.pragma('wal_checkpoint(NOOP)') as [
    { log: number; checkpointed: number },
  ];
  return log - checkpointed;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await sleep(5);
  }
}

test('no commit carries the log over, and the thread does', async (t) => {
  const db = openDatabase(t);
  await using checkpoints = new Checkpoints(db, { limits: { pages: 40, pagesAtMost: 4000 } });
  for (let i = 0; i < 100; i++) write(db, checkpoints);
  assert.ok(pagesLeft(db) > 100, `${pagesLeft(db)} pages are left`);
  await until(() => pagesLeft(db) === 0);
});

test('the log begins anew though it is never left alone, so that its file does not grow', async (t) => {
  const db = openDatabase(t);
  await using checkpoints = new Checkpoints(db, { limits: { pages: 40, pagesAtMost: 400 } });
  for (let i = 0; i < 400; i++) {
    write(db, checkpoints);
    await sleep(1);
  }
  const { size } = await stat(`${db.name}-wal`);
  assert.ok(size < 800 * pageBytes, `${size} bytes after 1,600 pages were written`);
});

test('what the thread cannot keep up with, a commit carries over', async (t) => {
  const db = openDatabase(t);
  await using checkpoints = new Checkpoints(db, { limits: { pages: 4000, pagesAtMost: 50 } });
  for (let i = 0; i < 100; i++) write(db, checkpoints);
  assert.ok(pagesLeft(db) < 60, `${pagesLeft(db)} pages are left`);
});

test('without the thread commits do it as ever', async (t) => {
  const db = openDatabase(t);
  let started = 0;
  const start = () => {
    started += 1;
    return new Worker('throw new Error("no addon here")', { eval: true });
  };
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  const limits = { pages: 40, pagesAtMost: 4000 };
  await using checkpoints = new Checkpoints(db, { limits, start, onFailure });
  for (let i = 0; i < 20; i++) write(db, checkpoints);
  await until(() => db.pragma('wal_autocheckpoint', { simple: true }) === 40);
  for (let i = 0; i < 20; i++) write(db, checkpoints);
  assert.ok(pagesLeft(db) < 50, `${pagesLeft(db)} pages are left`);
  assert.equal(started, 1);
  assert.deepEqual(failures.map(String), ['Error: no addon here']);
});

test('a thread that cannot even be started fails no commit', (t) => {
  const db = openDatabase(t);
  const start = () => {
    throw new Error('no more threads');
  };
  const checkpoints = new Checkpoints(db, { limits: { pages: 40, pagesAtMost: 4000 }, start });
  for (let i = 0; i < 40; i++) write(db, checkpoints);
  assert.ok(pagesLeft(db) < 50, `${pagesLeft(db)} pages are left`);
});

test('closing waits for the thread, so that the database is whole without its log', async (t) => {
  const db = openDatabase(t);
  const workers: Worker[] = [];
  const start = (file: string) => {
    const worker = startCheckpointWorker(file);
    workers.push(worker);
    return worker;
  };
  {
    await using checkpoints = new Checkpoints(db, { limits: { pages: 40, pagesAtMost: 4000 }, start });
    for (let i = 0; i < 20; i++) write(db, checkpoints);
  }
  assert.deepEqual(
    workers.map(({ threadId }) => threadId),
    [-1],
  );
  db.close();
  await assert.rejects(stat(`${db.name}-wal`), { code: 'ENOENT' });
});
