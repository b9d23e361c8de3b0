import assert from 'node:assert/strict';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type CommitFollower, GroupCommit, groupCommitLimits } from '#store/group-commit';

/** A database in memory with one table, and a memory that follows it. */
class Ledger implements CommitFollower, Disposable {
  readonly db = new Sqlite(':memory:');
  readonly durable: number[] = [];
  commits = 0;
  #batch: number[] = [];
  #written: number[] = [];

  constructor(maxPages = 10_000) {
    this.db.exec('CREATE TABLE line (n INTEGER PRIMARY KEY, text TEXT)');
    this.db.pragma(`max_page_count = ${maxPages}`);
  }
  write(n: number, length = 1): number {
    this.#written.push(n);
    this.db.prepare('INSERT INTO line VALUES (?, ?)').run(n, 'x'.repeat(length));
    return n;
  }
  rows(): number[] {
    return this.db.prepare<[], number>('SELECT n FROM line ORDER BY n').pluck().all();
  }
  operationKept(): void {
    this.#batch.push(...this.#written.splice(0));
  }
  operationUndone(): void {
    this.#written = [];
  }
  committed(): void {
    this.commits += 1;
    this.durable.push(...this.#batch.splice(0));
  }
  rolledBack(): void {
    this.#batch = [];
    this.#written = [];
  }
  [Symbol.dispose](): void {
    this.db.close();
  }
}

test('operations that wait share a commit, in the order in which they came', async () => {
  using ledger = new Ledger();
  const commits = new GroupCommit(ledger.db, ledger);
  const results = await Promise.all([1, 2, 3].map((n) => commits.run(() => ledger.write(n))));
  assert.deepEqual(results, [1, 2, 3]);
  assert.equal(ledger.commits, 1);
  assert.deepEqual(ledger.durable, [1, 2, 3]);
});

test('a batch takes no more than its limit', async () => {
  using ledger = new Ledger();
  const commits = new GroupCommit(ledger.db, ledger, { ...groupCommitLimits, maxBatchOperations: 2 });
  await Promise.all([1, 2, 3, 4, 5].map((n) => commits.run(() => ledger.write(n))));
  assert.equal(ledger.commits, 3);
  const slow = new GroupCommit(ledger.db, ledger, { ...groupCommitLimits, maxBatchMillis: 0 });
  await Promise.all([6, 7].map((n) => slow.run(() => ledger.write(n))));
  assert.equal(ledger.commits, 5);
});

test('an operation that fails is undone alone, also in memory', async () => {
  using ledger = new Ledger();
  const commits = new GroupCommit(ledger.db, ledger);
  const results = await Promise.allSettled([
    commits.run(() => ledger.write(1)),
    commits.run(() => {
      ledger.write(2);
      throw new Error('changed its mind');
    }),
    commits.run(() => ledger.write(1)),
    commits.run(() => ledger.write(4)),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(ledger.rows(), [1, 4]);
  assert.deepEqual(ledger.durable, [1, 4]);
});

test('an operation that does not fit on the disk fails alone, and as unavailable storage', async () => {
  using ledger = new Ledger(20);
  const commits = new GroupCommit(ledger.db, ledger);
  const results = await Promise.allSettled([
    commits.run(() => ledger.write(1)),
    commits.run(() => ledger.write(2, 1_000_000)),
    commits.run(() => ledger.write(3)),
  ]);
  assert.deepEqual(
    results.map((result) =>
      result.status === 'rejected' ? (result.reason as { code: string }).code : 'kept',
    ),
    ['kept', 'storage-unavailable', 'kept'],
  );
  assert.deepEqual(ledger.rows(), [1, 3]);
  assert.deepEqual(ledger.durable, [1, 3]);
});

test('an operation that loses the whole transaction fails, and the others are tried again without it', async () => {
  using ledger = new Ledger();
  const commits = new GroupCommit(ledger.db, ledger);
  const results = await Promise.allSettled([
    commits.run(() => ledger.write(1)),
    commits.run(() => {
      ledger.write(2);
      ledger.db.exec('ROLLBACK');
      throw new Error('the disk is gone');
    }),
    commits.run(() => ledger.write(3)),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(ledger.rows(), [1, 3]);
  assert.deepEqual(ledger.durable, [1, 3]);
});

test('when the commit itself fails, every operation of the batch does, and the next may succeed', async () => {
  using ledger = new Ledger();
  ledger.db.exec(`
    PRAGMA foreign_keys = ON;
    CREATE TABLE child (n INTEGER REFERENCES line (n) DEFERRABLE INITIALLY DEFERRED);`);
  const commits = new GroupCommit(ledger.db, ledger);
  const results = await Promise.allSettled([
    commits.run(() => ledger.write(1)),
    commits.run(() => ledger.db.exec('INSERT INTO child VALUES (77)')),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(ledger.durable, []);
  assert.equal(await commits.run(() => ledger.write(2)), 2);
  assert.deepEqual(ledger.durable, [2]);
});

test('when no transaction can begin, what waits fails instead of waiting for ever', async () => {
  using ledger = new Ledger();
  const commits = new GroupCommit(ledger.db, ledger);
  ledger.db.exec('BEGIN');
  await assert.rejects(commits.run(() => ledger.write(1)));
  assert.equal(await commits.run(() => ledger.write(2)), 2);
});

test('more than may wait is turned away, and closing carries out what waits', async () => {
  using ledger = new Ledger();
  const commits = new GroupCommit(ledger.db, ledger, { ...groupCommitLimits, maxWaitingOperations: 2 });
  const waiting = [commits.run(() => ledger.write(1)), commits.run(() => ledger.write(2))];
  await assert.rejects(
    commits.run(() => ledger.write(3)),
    { code: 'storage-unavailable' },
  );
  commits.close();
  assert.deepEqual(await Promise.all(waiting), [1, 2]);
  await assert.rejects(
    commits.run(() => ledger.write(4)),
    { code: 'storage-unavailable' },
  );
});
