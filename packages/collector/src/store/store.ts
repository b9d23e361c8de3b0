/**
 * What the collector keeps, behind an interface whose operations are asynchronous, coarse (one per use case) and
 * state their atomicity, so that another database can stand behind it.
 *
 * Guarantees, for every operation that writes:
 * - It is applied whole or not at all, and no other operation on the same node runs between its read and its write.
 * - When its promise resolves, it is durable: it survives a crash of the process and of the machine. Several
 *   operations may share one transaction (group commit); a failure of one does not fail another.
 * - It rejects with {@link StorageUnavailableError} when the disk refuses (full, read-only, failing); nothing was
 *   written then, and a later try may succeed.
 */
import type { ContentStore } from '#store/content-store';
import type { OutletStore } from '#store/outlet-store';
import type { OutlierStore } from '#store/outliers';
import type { Entry } from '@holdfast/shared/entry';
import type { Command } from '@holdfast/shared/wire';
import type { UnknownReason } from '@holdfast/shared/compare';
import type { EngineDisagreement, PendingPath } from '#core/aide-state';
import type { PackedAideDatabase } from '#store/aide/database-rows';
import type { FleetStore } from '#store/fleet-drift';
import type { WindowStore } from '#store/windows-on-sqlite';
import type { JobStore } from '#store/job-store';
import type { AuditHead, AuditVerdict } from '#core/audit-chain';
import type {
  AuditRecord,
  BaselineRecord,
  DriftEnd,
  EventRecord,
  Millis,
  NodeEffects,
  NodeState,
  NodeView,
  StandingDrift,
} from '#core/node-state';
import type { SweepStore } from '#store/sweep-store';

export class StorageUnavailableError extends Error {
  readonly code = 'storage-unavailable';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StorageUnavailableError';
  }
}

/** A decision over one node: reads the view, and returns effects to be written, or a refusal that writes nothing. */
export type Decide<Refusal, Outcome> = (
  view: NodeView,
) => { readonly refuse: Refusal } | { readonly apply: NodeEffects | null; readonly outcome: Outcome };

export type Decided<Refusal, Outcome> =
  | { readonly refused: Refusal }
  | { readonly outcome: Outcome; readonly node: NodeState | null; readonly commands: readonly Command[] };

/** A node with the counts that lists and metrics show. */
export interface NodeSummary {
  readonly state: NodeState;
  readonly observedEntries: number;
  /** Of the observed manifest; null while there is none. */
  readonly observedScope: string | null;
  readonly baselineScope: string | null;
  readonly drift: { readonly added: number; readonly removed: number; readonly changed: number };
  readonly oldestDriftAt: Millis | null;
  readonly unknownPaths: number;
}

export interface DriftRecord extends StandingDrift {
  readonly node: string;
  /** Null while it stands. */
  readonly endedAt: Millis | null;
  readonly endedAs: DriftEnd | null;
  /** How many drifts this path of this node has had within the retention, this one included. */
  readonly occurrences: number;
  /** Set if the path cannot be measured in full at present, so that the drift can't be seen to end. */
  readonly unknown: UnknownReason | null;
}

/** A drift that has a series. */
/** The standing drifts of a node that have a series of their own. */
export interface ShownDrifts {
  readonly node: string;
  readonly shown: readonly ShownDrift[];
  /** How many stand that are neither acknowledged nor expected, shown or not. */
  readonly unexplained: number;
}

export interface ShownDrift {
  readonly path: string;
  /** Until when it is acknowledged; null if it is not. May be over. */
  readonly acknowledgedUntil: Millis | null;
  /** Whether a window expected it. */
  readonly isExpected: boolean;
}

export interface StoredEvent extends EventRecord {
  /** Grows; the cursor of paging. */
  readonly id: number;
}

export interface StoredAudit extends AuditRecord {
  readonly id: number;
  /** Over this record and the hash of the one before; see audit-chain.ts. */
  readonly hash: string;
}

export type TokenRole = 'agent' | 'sweeper' | 'viewer' | 'operator';

export interface TokenRecord {
  readonly id: number;
  readonly name: string;
  readonly role: TokenRole;
  /** For role agent: the only node it may speak for; null for any. */
  readonly node: string | null;
  readonly createdAt: Millis;
  /** From then on it is refused; null for never. */
  readonly expiresAt: Millis | null;
  readonly revokedAt: Millis | null;
}

/** How many were removed. */
export interface Tidied {
  readonly events: number;
  readonly drifts: number;
  readonly sweeps: number;
  readonly baselines: number;
  readonly manifests: number;
  readonly buckets: number;
}

/** AIDE's databases, and what is listed of it beside drift. */
export interface AideStore {
  /** Keeps a database that the node brought, until a run names it or others follow. False: no such node. */
  putDatabase(node: string, database: PackedAideDatabase, at: Millis): Promise<boolean>;
  /** zstd over the text of a database that the node brought or that is its baseline; null if there is none. */
  database(node: string, digest: string): Promise<Buffer | null>;
  /** Sorted by path. */
  lists(node: string): Promise<{
    readonly pending: readonly PendingPath[];
    readonly disagreements: readonly EngineDisagreement[];
  }>;
}

export interface Store extends AsyncDisposable {
  readonly fleet: FleetStore;
  readonly outliers: OutlierStore;
  readonly jobs: JobStore;
  readonly windows: WindowStore;
  /** Changes when the data was restored from a backup; agents resynchronise when they see it change. */
  readonly epoch: string;
  readonly contents: ContentStore;
  readonly outlets: OutletStore;
  readonly sweeps: SweepStore;

  /** Decides and writes over one node. See the guarantees above. `decide` may be called again if the write is retried, so it must be pure. */
  decide<Refusal, Outcome>(
    node: string,
    decide: Decide<Refusal, Outcome>,
  ): Promise<Decided<Refusal, Outcome>>;

  node(name: string): Promise<NodeSummary | null>;
  /** Without those that were deleted. */
  liveNodeCount(): Promise<number>;
  /** Sorted by name; nodes that were deleted are left out. */
  nodes(): Promise<NodeSummary[]>;
  /** Sorted by path. Standing drifts of one node, read in steps: a report may come in between. */
  standingDrift(node: string): Promise<DriftRecord[]>;
  /**
   * For metrics: of each node that drifts at most `limit` standing drifts, the oldest first, ties by path; but what nothing
   * explains at `now` before what a window expected, and that before what someone has acknowledged, so that an upgrade does
   * not hide what came with it.
   */
  standingDriftOfAll(limit: number, now: Millis): Promise<ShownDrifts[]>;
  /** Stands for the acknowledgements of the node's drifts that are in force at `now`; null if there are none. */
  acknowledgementTag(node: string, now: Millis): Promise<string | null>;
  unknownPaths(node: string): Promise<{ readonly path: string; readonly reason: UnknownReason }[]>;
  /** Entries of a manifest in path order, a slice at a time, so that no caller holds a whole one. Throws if the digest is unknown. */
  manifestEntries(digest: string): AsyncIterable<Entry[]>;
  /** Newest first. */
  baselines(node: string): Promise<BaselineRecord[]>;
  /** Oldest first, those with an id above `after`. */
  events(node: string, after: number, limit: number): Promise<StoredEvent[]>;
  /** The newest `limit` of them, oldest first. */
  lastEvents(node: string, limit: number): Promise<StoredEvent[]>;
  /** Commands that wait for the node. */
  commands(node: string): Promise<Command[]>;
  /** Calls `wake` after a commit that gave the node a command. Returns the way to stop. */
  onCommand(node: string, wake: () => void): () => void;
  /** Newest first, those with an id below `before`. */
  audit(before: number | null, limit: number): Promise<StoredAudit[]>;
  /** Number 0 where there is no record yet. */
  auditHead(): Promise<AuditHead>;
  /** Follows the whole chain. `wanted`: a hash that must be on it; null for none. */
  verifyAudit(wanted: string | null): Promise<AuditVerdict>;

  readonly aide: AideStore;

  /** `hash` is hex sha256 of the token. The audit record is written with it. */
  createToken(
    token: Omit<TokenRecord, 'id' | 'revokedAt'>,
    hash: string,
    audit: AuditRecord,
  ): Promise<TokenRecord>;
  /** Holds for every copy of the data that is put into this directory later, too. */
  revokeToken(id: number, at: Millis, audit: AuditRecord): Promise<boolean>;
  tokens(): Promise<TokenRecord[]>;
  /** The token with this hash that is not revoked. It may have expired. */
  tokenByHash(hash: string): Promise<TokenRecord | null>;

  /**
   * Removes events, ended drifts, sweeps and baselines older than `before`, and the oldest that are younger while the database holds more than
   * `maxBytes` (of each node the newest baselines stay, see old-baselines.ts); then buckets and manifests that nothing refers to; then gives free pages back to the file system. In short steps.
   */
  tidy(before: Millis, maxBytes?: number): Promise<Tidied>;
  /** False once the database was removed, or another file was put in its place: what is written then is lost at the end. */
  readonly isInPlace: () => boolean;
  /** Bytes of the database, and of its pages that hold nothing. */
  size(): { readonly databaseBytes: number; readonly unusedBytes: number };
  /** Whether a write would succeed now. */
  isWritable(): Promise<boolean>;
}
