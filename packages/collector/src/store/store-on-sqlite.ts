/** The store on SQLite. One connection, used on the event loop; everything that writes goes through the group commit. */
import type { Database } from 'better-sqlite3';
import type { Entry } from '@holdfast/shared/entry';
import type { Command } from '@holdfast/shared/wire';
import type { AuditRecord, Millis } from '#core/node-state';
import { verifyAuditChain } from '#store/verify-audit-chain';
import { AideStoreOnSqlite } from '#store/aide/aide-store';
import { type FleetStore, fleetDrift, movesDrift } from '#store/fleet-drift';
import { type CommitFollower, GroupCommit, type GroupCommitLimits } from '#store/group-commit';
import { type ContentStore, contentStore } from '#store/content-store';
import { inPlace } from '#store/in-place';
import type { JobStore } from '#store/job-store';
import { jobsOnSqlite } from '#store/jobs-on-sqlite';
import { streamEntries } from '#store/manifest-stream';
import { NodeCache } from '#store/node-cache';
import type { NodeRecord } from '#store/node-rows';
import { toSummary } from '#store/node-summary';
import { nodeView } from '#store/node-view';
import { addRevokedToken } from '#store/revoked-tokens';
import { type OutletStore, outletStore } from '#store/outlet-store';
import { type OutlierStore, outlierStore } from '#store/outliers';
import { Checkpoints } from '#store/checkpoints';
import { reading } from '#store/storage-error';
import { SpaceOnDisk } from '#store/space-on-disk';
import type { AideStore, Decide, Decided, NodeSummary, Store, Tidied, TokenRecord } from '#store/store';
import { shownDriftOf, standingDriftOf } from '#store/standing-drift';
import { SqliteSweeps } from '#store/sweeps-on-sqlite';
import { prepareTables, type Tables } from '#store/tables';
import { tidyUp } from '#store/tidy-up';
import { UnusedBuckets } from '#store/unused-buckets';
import { type WindowStore, windowsOnSqlite } from '#store/windows-on-sqlite';
import { writeAll } from '#store/write-effects';

export interface SqliteStoreParts {
  readonly db: Database;
  /** Where the database lies. */
  readonly dataDir: string;
  readonly epoch: string;
  /** Given up after the database is closed. Null: another process may serve, so that memory of nodes can't be trusted. */
  readonly lock: Disposable | null;
  readonly limits: GroupCommitLimits;
  readonly random: () => number;
  readonly onCheckpointFailure: (error: unknown) => void;
}

export class SqliteStore implements Store {
  readonly epoch: string;
  readonly sweeps: SqliteSweeps;
  readonly contents: ContentStore;
  readonly outlets: OutletStore;
  readonly aide: AideStore;
  readonly fleet: FleetStore;
  readonly outliers: OutlierStore;
  readonly jobs: JobStore;
  readonly windows: WindowStore;
  readonly isInPlace: () => boolean;
  readonly #parts: SqliteStoreParts;
  readonly #tables: Tables;
  readonly #cache: NodeCache;
  readonly #commits: GroupCommit;
  /** Null: the process that serves does it. */
  readonly #checkpoints: Checkpoints | null;
  readonly #unused: UnusedBuckets;
  readonly #space: SpaceOnDisk;
  readonly #probe;
  #driftRevision = 0;
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Nodes that got a command in the batch. */
  readonly #commanded = new Set<string>();

  constructor(parts: SqliteStoreParts) {
    const { db } = parts;
    this.epoch = parts.epoch;
    this.isInPlace = inPlace(db.name);
    this.#parts = parts;
    this.#tables = prepareTables(db);
    this.#cache = new NodeCache(this.#tables.nodes.all());
    this.#checkpoints = parts.lock && new Checkpoints(db, { onFailure: parts.onCheckpointFailure });
    this.#commits = new GroupCommit(db, this.#follower(), parts.limits);
    this.outlets = outletStore(db, this.#commits);
    this.contents = contentStore(this.#commits, this.#cache, this.#tables);
    this.aide = new AideStoreOnSqlite(this.#tables, this.#cache, this.#commits);
    this.#unused = new UnusedBuckets(db, this.#commits, this.#tables.manifests);
    this.#space = new SpaceOnDisk(db, this.#commits);
    this.jobs = jobsOnSqlite(this.#tables, this.#commits);
    this.windows = windowsOnSqlite(this.#tables, this.#commits);
    this.fleet = fleetDrift(db, {
      revision: () => this.#driftRevision,
      liveNodes: () => this.#live().map(({ id }) => id),
      random32: () => Math.floor(parts.random() * 2 ** 32),
    });
    this.outliers = outlierStore(db, () => this.#live());
    this.sweeps = new SqliteSweeps(this.#tables, this.#commits);
    this.#probe = db.prepare(
      "INSERT INTO meta (key, value) VALUES ('probe', 1) ON CONFLICT DO UPDATE SET value = value + 1",
    );
  }

  decide<Refusal, Outcome>(
    node: string,
    decide: Decide<Refusal, Outcome>,
  ): Promise<Decided<Refusal, Outcome>> {
    this.#mustBeExclusive();
    return this.#commits.run(() => {
      const before = this.#cache.current(node);
      const decision = decide(nodeView(this.#tables, this.#cache, node, before));
      if ('refuse' in decision) return { refused: decision.refuse };
      const { apply, outcome } = decision;
      if (!apply) return { outcome, node: before?.state ?? null, commands: commandsOf(before) };
      if (apply.state.name !== node) throw new Error(`a decision about ${node} writes ${apply.state.name}`);
      const { record, manifests } = writeAll(this.#tables, before, apply, (written) =>
        nodeView(this.#tables, this.#cache, node, written),
      );
      for (const { bucketDigests } of manifests) this.#unused.wrote(bucketDigests);
      this.#cache.write(record);
      if (movesDrift(before?.state ?? null, apply)) this.#driftRevision += 1;
      if (apply.commands.length > 0) this.#commanded.add(node);
      return { outcome, node: record.state, commands: commandsOf(record) };
    });
  }

  async node(name: string): Promise<NodeSummary | null> {
    const record = this.#cache.durable(name);
    return record && toSummary(record);
  }

  async liveNodeCount(): Promise<number> {
    return [...this.#cache.durableAll()].filter(({ state }) => state.deletedAt === null).length;
  }

  async nodes(): Promise<NodeSummary[]> {
    return this.#live().map(toSummary);
  }

  async standingDrift(node: string) {
    const record = this.#cache.durable(node);
    if (!record || record.state.deletedAt !== null) return [];
    return standingDriftOf(this.#tables.drifts, record);
  }

  async standingDriftOfAll(limit: number, now: Millis) {
    return shownDriftOf(this.#tables.drifts, this.#live(), { limit, now });
  }

  async acknowledgementTag(node: string, now: Millis) {
    const record = this.#cache.durable(node);
    return record && reading(() => this.#tables.acknowledgements.tag(record.id, now));
  }

  async unknownPaths(node: string) {
    return this.#ofNode(node, ({ id }) => this.#tables.unknown.list(id));
  }

  async *manifestEntries(digest: string): AsyncGenerator<Entry[]> {
    const bucketDigests = reading(() => this.#tables.manifests.bucketDigests(digest));
    const release = this.#unused.keep(bucketDigests);
    try {
      yield* streamEntries(this.#tables.manifests, bucketDigests);
    } finally {
      release();
    }
  }

  async baselines(node: string) {
    return this.#ofNode(node, ({ id }) => this.#tables.baselines.list(id));
  }

  async events(node: string, after: number, limit: number) {
    return this.#ofNode(node, ({ id }) => this.#tables.history.events(id, after, limit));
  }

  async lastEvents(node: string, limit: number) {
    return this.#ofNode(node, ({ id }) => this.#tables.history.lastEvents(id, limit));
  }

  async commands(node: string) {
    return commandsOf(this.#cache.durable(node));
  }

  onCommand(node: string, wake: () => void): () => void {
    const wakes = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, wakes.add(wake));
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#waiting.get(node) === wakes) this.#waiting.delete(node);
    };
  }

  async audit(before: number | null, limit: number) {
    return reading(() => this.#tables.audit.list(before, limit));
  }

  async auditHead() {
    return reading(() => this.#tables.audit.head());
  }

  verifyAudit(wanted: string | null) {
    return verifyAuditChain(this.#tables.audit, wanted);
  }

  createToken(token: Omit<TokenRecord, 'id' | 'revokedAt'>, hash: string, audit: AuditRecord) {
    return this.#commits.run(() => {
      const created = this.#tables.tokens.add(token, hash);
      this.#tables.audit.add(audit);
      return created;
    });
  }

  revokeToken(id: number, at: Millis, audit: AuditRecord) {
    return this.#commits.run(() => {
      const hash = this.#tables.tokens.hashOf(id);
      // First: if we die in between, the next start finishes it.
      if (hash !== null) addRevokedToken(this.#parts.dataDir, hash, at);
      const isRevoked = this.#tables.tokens.revoke(id, at);
      if (isRevoked) this.#tables.audit.add(audit);
      return isRevoked;
    });
  }

  async tokens() {
    return reading(() => this.#tables.tokens.list());
  }

  async tokenByHash(hash: string) {
    return reading(() => this.#tables.tokens.byHash(hash));
  }

  async tidy(before: Millis, maxBytes = Number.POSITIVE_INFINITY): Promise<Tidied> {
    this.#mustBeExclusive();
    const parts = { tables: this.#tables, commits: this.#commits, unused: this.#unused, space: this.#space };
    const nodes = [...this.#cache.durableAll()];
    return tidyUp({ ...parts, nodes }, { before, maxBytes, random: this.#parts.random() });
  }

  size() {
    return this.#space.size();
  }

  async isWritable(): Promise<boolean> {
    if (!this.isInPlace()) return false;
    try {
      await this.#commits.run(() => this.#probe.run());
      return true;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { db, lock } = this.#parts;
    if (!db.open) return;
    this.#commits.close();
    await this.#checkpoints?.[Symbol.asyncDispose]();
    db.close();
    lock?.[Symbol.dispose]();
  }

  #mustBeExclusive(): void {
    if (!this.#parts.lock) throw new Error('only a store that was opened exclusively may decide about nodes');
  }

  #follower(): CommitFollower {
    return {
      operationKept: () => this.#cache.operationKept(),
      operationUndone: () => this.#cache.operationUndone(),
      rolledBack: () => {
        this.#cache.rolledBack();
        this.#commanded.clear();
      },
      committed: () => {
        this.#cache.committed();
        this.#checkpoints?.committed();
        const woken = [...this.#commanded].flatMap((node) => [...(this.#waiting.get(node) ?? [])]);
        this.#commanded.clear();
        for (const wake of woken) wake();
      },
    };
  }

  async #ofNode<T>(node: string, read: (record: NodeRecord) => T[]): Promise<T[]> {
    const record = this.#cache.durable(node);
    return record ? reading(() => read(record)) : [];
  }

  /** Sorted by name. */
  #live(): NodeRecord[] {
    return [...this.#cache.durableAll()]
      .filter(({ state }) => state.deletedAt === null)
      .sort((a, b) => (a.state.name < b.state.name ? -1 : 1));
  }
}

/** A deleted node's wait until it is readmitted. */
function commandsOf(record: NodeRecord | null): Command[] {
  return !record || record.state.deletedAt !== null ? [] : [...record.commands];
}
