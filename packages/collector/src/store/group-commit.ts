/**
 * Group commit: operations that wait share one transaction, and so one fsync. Each runs in a savepoint of its own, so
 * that the failure of one does not fail another. Promises settle after the commit.
 *
 * An operation that finds the store idle is carried out at once. After a commit, the next batch gathers for twice
 * as long as that commit took, so that a third of the time at most goes into commits: many clients that each wait for
 * an answer would otherwise come in a trickle of small batches.
 */
import type { Database, Statement } from 'better-sqlite3';
import { asStorageError } from '#store/storage-error';
import { StorageUnavailableError } from '#store/store';

export interface GroupCommitLimits {
  readonly maxBatchOperations: number;
  /** A batch takes no further operation once it has worked for so long. */
  readonly maxBatchMillis: number;
  /** Above this, an operation is turned away: the disk can't keep up. */
  readonly maxWaitingOperations: number;
  /** How long a batch gathers after a commit, at least and at most. */
  readonly minGatherMillis: number;
  readonly maxGatherMillis: number;
}

export const groupCommitLimits: GroupCommitLimits = {
  maxBatchOperations: 512,
  maxBatchMillis: 50,
  maxWaitingOperations: 20_000,
  minGatherMillis: 2,
  maxGatherMillis: 25,
};

/** Told how far the writes of a batch have got, so that what is kept in memory never runs ahead of the disk. */
export interface CommitFollower {
  /** The operation's writes are part of the batch now. */
  operationKept(): void;
  /** The operation's writes were rolled back. */
  operationUndone(): void;
  /** Everything that was kept is durable. */
  committed(): void;
  /** Nothing of the batch was written. */
  rolledBack(): void;
}

interface Waiting {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Ran = { readonly waiting: Waiting } & ({ readonly value: unknown } | { readonly error: unknown });

export class GroupCommit {
  readonly #db: Database;
  readonly #follower: CommitFollower;
  readonly #limits: GroupCommitLimits;
  readonly #sql: Record<'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'undo', Statement>;
  #queue: Waiting[] = [];
  #turn: NodeJS.Immediate | null = null;
  #gathering: NodeJS.Timeout | undefined;
  /** By performance.now(). */
  #gatherUntil = 0;
  #closed = false;

  constructor(db: Database, follower: CommitFollower, limits: GroupCommitLimits = groupCommitLimits) {
    this.#db = db;
    this.#follower = follower;
    this.#limits = limits;
    this.#sql = {
      begin: db.prepare('BEGIN IMMEDIATE'),
      commit: db.prepare('COMMIT'),
      rollback: db.prepare('ROLLBACK'),
      savepoint: db.prepare('SAVEPOINT operation'),
      release: db.prepare('RELEASE operation'),
      undo: db.prepare('ROLLBACK TO operation'),
    };
  }

  /**
   * Runs `operation` in one of the next transactions; may run it again if the disk failed a batch. Rejects with what it
   * throws, or with {@link StorageUnavailableError}.
   */
  run<T>(operation: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StorageUnavailableError('the store is closed'));
    if (this.#queue.length >= this.#limits.maxWaitingOperations) {
      return Promise.reject(new StorageUnavailableError('too many operations wait for the disk'));
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#queue.push({ run: operation, resolve: resolve as (value: unknown) => void, reject });
    this.#plan();
    return promise;
  }

  /** Carries out what waits, and takes no more. */
  close(): void {
    this.#closed = true;
    while (this.#queue.length > 0) this.#batch();
    this.#unplan();
  }

  #plan(): void {
    const gatherMs = this.#gatherUntil - performance.now();
    const isFull = this.#queue.length >= this.#limits.maxBatchOperations;
    if (isFull || gatherMs < 1) this.#turn ??= setImmediate(() => this.#nextBatch());
    else this.#gathering ??= setTimeout(() => this.#nextBatch(), gatherMs);
  }

  #unplan(): void {
    if (this.#turn) clearImmediate(this.#turn);
    clearTimeout(this.#gathering);
    this.#turn = null;
    this.#gathering = undefined;
  }

  #nextBatch(): void {
    this.#unplan();
    this.#batch();
    if (this.#queue.length > 0) this.#plan();
  }

  #batch(): void {
    const ran: Ran[] = [];
    try {
      this.#sql.begin.run();
      this.#runWaiting(ran);
      this.#commit();
    } catch (error) {
      this.#abandon(ran, error);
      return;
    }
    this.#follower.committed();
    for (const one of ran) settle(one);
  }

  #commit(): void {
    const start = performance.now();
    this.#sql.commit.run();
    const end = performance.now();
    const { minGatherMillis, maxGatherMillis } = this.#limits;
    this.#gatherUntil = end + Math.min(Math.max(2 * (end - start), minGatherMillis), maxGatherMillis);
  }

  #runWaiting(ran: Ran[]): void {
    const until = performance.now() + this.#limits.maxBatchMillis;
    while (this.#queue.length > 0 && ran.length < this.#limits.maxBatchOperations) {
      const waiting = this.#queue.shift()!;
      ran.push(this.#runOne(waiting));
      if (performance.now() >= until) break;
    }
  }

  /** Throws only when the transaction itself is lost. */
  #runOne(waiting: Waiting): Ran {
    this.#sql.savepoint.run();
    try {
      const value = waiting.run();
      this.#sql.release.run();
      this.#follower.operationKept();
      return { waiting, value };
    } catch (error) {
      this.#follower.operationUndone();
      if (!this.#db.inTransaction) throw new TransactionLost(waiting, error);
      this.#sql.undo.run();
      this.#sql.release.run();
      return { waiting, error };
    }
  }

  /**
   * The disk failed the batch. If one operation broke it, that one fails and the others try again, at once but without
   * it; if the begin or the commit failed, all do.
   */
  #abandon(ran: Ran[], error: unknown): void {
    if (this.#db.inTransaction) this.#sql.rollback.run();
    this.#follower.rolledBack();
    if (error instanceof TransactionLost) {
      error.waiting.reject(asStorageError(error.cause));
      this.#queue = [...ran.map(({ waiting }) => waiting), ...this.#queue];
      return;
    }
    const failed = ran.length > 0 ? ran.map(({ waiting }) => waiting) : this.#queue.splice(0);
    for (const waiting of failed) waiting.reject(asStorageError(error));
  }
}

class TransactionLost extends Error {
  readonly waiting: Waiting;
  constructor(waiting: Waiting, cause: unknown) {
    super('the transaction was rolled back by the database', { cause });
    this.waiting = waiting;
  }
}

function settle(one: Ran): void {
  if ('error' in one) one.waiting.reject(asStorageError(one.error));
  else one.waiting.resolve(one.value);
}
