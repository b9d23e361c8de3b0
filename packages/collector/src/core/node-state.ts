/** The collector's vocabulary for one node: what is remembered, and what a decision reads and asks to be written. */
import type { AideFinding } from '@holdfast/shared/aide-compare';
import type { AideAttribute } from '@holdfast/shared/aide-row';
import type { Change, ChangeKind, UnknownReason } from '@holdfast/shared/compare';
import type { Attribute, Entry } from '@holdfast/shared/entry';
import type { Entries } from '@holdfast/shared/manifest';
import type { Scope } from '@holdfast/shared/scope';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { AgentFacts, AgentHealth, Command, Net, ScanResult } from '@holdfast/shared/wire';
import type { AideEffects, AideState, AideView } from '#core/aide-state';
import type { Acknowledgement } from '#core/acknowledgement';
import type { ChangeWindow } from '#core/change-window';
import type { ExpectedChanges } from '#core/expected-change';

/** Milliseconds since 1970 by the collector's clock. */
export type Millis = number;

/** A manifest without its entries: enough to compare, and to find the buckets. Immutable. */
export interface ManifestRecord {
  readonly digest: string;
  readonly scopeDigest: string;
  /** 256, in bucket order. */
  readonly bucketDigests: readonly string[];
  readonly entries: number;
  /** Entries that could not be measured in full. */
  readonly unread: number;
}

/** A bucket as it is stored: immutable, by digest. */
export interface BucketRecord {
  readonly digest: string;
  /** Canonical lines, see shared/manifest. */
  readonly text: string;
  readonly entries: number;
  readonly unread: number;
}

/** An instance that another one took over from. It may be the present one, if it came back since. */
export interface RetiredInstance {
  readonly instance: string;
  /** How often it came back lately after another had taken over. */
  readonly returns: number;
  /** When it last came back; null if it never did. */
  readonly returnedAt: Millis | null;
}

export interface NodeState {
  readonly name: string;
  readonly firstSeenAt: Millis;
  readonly deletedAt: Millis | null;
  readonly instance: string;
  /** Of the last report that was applied. */
  readonly sequence: number;
  readonly lastReportAt: Millis;
  /** The last report that told of a manifest: until then, what is held was seen. Null if none has. */
  readonly observedAt: Millis | null;
  /** Newest first; bounded. */
  readonly retired: readonly RetiredInstance[];
  /** The instance whose reports are refused because another one claims the node too. */
  readonly refusedInstance: string | null;
  readonly agent: AgentFacts;
  readonly health: AgentHealth;
  /** Set when the machine-id changed; cleared by an acceptance of everything. */
  readonly reimagedAt: Millis | null;
  readonly observed: string | null;
  readonly blindSpots: readonly BlindSpot[];
  readonly scans: readonly ScanResult[];
  readonly journal: string;
  readonly eventsStored: number;
  /** How many events the agents of this node have dropped, over all their journals. */
  readonly eventsDropped: number;
  readonly baseline: BaselineRecord | null;
  /** Why the first manifest was not taken as the baseline although the policy says accept; null otherwise. */
  readonly pendingBecause: string | null;
  /** Null: the agent has told nothing of AIDE. */
  readonly aide: AideState | null;
  /** When someone last said that they had looked at everything that differs, and who; null if nobody has. */
  readonly review: { readonly at: Millis; readonly by: string } | null;
}

/** Who the record names where the configuration decided, not a person. */
export const systemActor = 'holdfast';

/** One baseline in a node's history. Never edited, only succeeded. */
export interface BaselineRecord {
  /** From 1, per node. */
  readonly sequence: number;
  readonly manifest: string;
  readonly acceptedAt: Millis;
  readonly acceptedBy: string;
  readonly reason: string | null;
  /** Whether the caller named what it had looked at (`If-Match`). */
  readonly reviewed: boolean;
  /** How many paths this acceptance took over. */
  readonly paths: number;
  /** The baseline that this one brought back, if it was a restore. */
  readonly restoredFrom: number | null;
}

/** A drift as the engines see it. `before` and `after` are what our own engine sees; both are null where it sees no drift. */
export interface DriftContent extends Change {
  /** Null where AIDE sees none. */
  readonly aide: AideFinding | null;
}

export interface StandingDrift extends DriftContent {
  /** Stable number of this drift. */
  readonly id: number;
  readonly firstSeenAt: Millis;
  /** The newest one since the drift has its present content, in force or not; see acknowledgement.ts. */
  readonly acknowledgement: Acknowledgement | null;
  /** The number of the window that its present content was expected by; null if it was not. */
  readonly expected: number | null;
}

/** How a drift ended. */
export type DriftEnd = 'accepted' | 'reverted';

export interface DriftEffects {
  readonly started: readonly DriftContent[];
  /** Drifts that stand on, with another content than before. */
  readonly altered: readonly DriftContent[];
  readonly ended: readonly { readonly path: string; readonly as: DriftEnd }[];
  readonly unknown: readonly { readonly path: string; readonly reason: UnknownReason }[];
  readonly known: readonly string[];
  /**
   * Set where an earlier baseline came back: of the drifts that started, those which an acceptance had ended at that time or
   * later go on, with their number and their first-seen time, if they lead away from the same entry as then.
   */
  readonly resumesSince?: Millis;
  /** Set where all drifts that stood have ended; `ended` is empty then. */
  readonly endedAll?: DriftEnd;
}

export const eventKinds = [
  'change',
  'node-first-seen',
  'machine-changed',
  'instance-conflict',
  'scope-changed',
  'baseline-accepted',
  'baseline-restored',
  'node-reviewed',
  'drift-acknowledged',
  'drift-unacknowledged',
  'events-dropped',
  'journal-replaced',
  'rescan-asked',
  'node-deleted',
  'node-readmitted',
  'store-restored',
  'aide-baseline-moved',
  'aide-run-doubtful',
  'aide-found',
  'aide-over',
] as const;
export type EventKind = (typeof eventKinds)[number];

/** One line of a node's history. A `change` has a path, and `before` or `after`; what AIDE found has its sides in `detail`; `net` is null if no event of the agent told of it. */
export interface EventRecord {
  readonly kind: EventKind;
  readonly at: Millis;
  /** By the agent's clock, where the agent told of it. */
  readonly agentAt: string | null;
  readonly path: string | null;
  readonly change: ChangeKind | null;
  readonly attributes: readonly (Attribute | AideAttribute)[];
  readonly before: Entry | null;
  readonly after: Entry | null;
  readonly net: Net | null;
  readonly detail: string | null;
}

export const auditActions = [
  'accept',
  'restore',
  'undo',
  'review',
  'acknowledge',
  'unacknowledge',
  'delete-node',
  'readmit-node',
  'rescan',
  'sweep',
  'token-create',
  'token-revoke',
  'accept-row',
  'open-window',
  'close-window',
  'accept-expected-change',
  'accept-initial',
  'accept-expected-scope',
  'store-restore',
] as const;
export type AuditAction = (typeof auditActions)[number];

export interface AuditRecord {
  readonly at: Millis;
  /** A token's name, or `holdfast` for what the configuration decided. */
  readonly who: string;
  readonly action: AuditAction;
  readonly node: string | null;
  readonly reason: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

/** What a decision about one node may read. Everything by digest is immutable, so reading it late changes nothing. */
export interface NodeView {
  readonly state: NodeState | null;
  manifest(digest: string): ManifestRecord;
  bucket(digest: string): Entries;
  /** Standing drifts whose path lies in bucket `index`. */
  standing(index: number): readonly StandingDrift[];
  /** Unknown paths that lie in bucket `index`. */
  unknown(index: number): ReadonlyMap<string, UnknownReason>;
  /** The path of the standing drift with this number; null if none of this node has it. */
  standingPath(drift: number): string | null;
  /** Windows over this node that are open, oldest first. */
  windows(now: Millis): readonly ChangeWindow[];
  /** Whether this window has seen the path change on this node. */
  isWindowUsed(window: number, path: string): boolean;
  /** The path of each standing drift, by its fingerprint; see drift-fingerprint.ts. */
  standingFingerprints(): ReadonlyMap<string, string>;
  scope(digest: string): Scope | null;
  readonly aide: AideView;
  baseline(sequence: number): BaselineRecord | null;
  /** The median number of entries over other nodes' observed manifests with this scope; null if there is none. */
  siblingEntries(scopeDigest: string): number | null;
  /** Whether the collector knew the node before it went back to a backup that has no baseline of it. */
  wasLost(): boolean;
}

/** What a decision asks to be written, all of it or nothing. `state` replaces the node's state. */
export interface NodeEffects {
  readonly state: NodeState;
  readonly buckets: readonly BucketRecord[];
  readonly manifests: readonly ManifestRecord[];
  readonly scope: { readonly digest: string; readonly document: Scope } | null;
  /** Appended to the history; equals `state.baseline` when there is one. */
  readonly newBaseline: BaselineRecord | null;
  readonly drift: DriftEffects;
  readonly events: readonly EventRecord[];
  readonly commandsDone: readonly number[];
  readonly commands: readonly Command['kind'][];
  /** Null: nothing of AIDE changes but the state. */
  readonly aide: AideEffects | null;
  readonly audit: AuditRecord | null;
  /** What a window expected of a report's changes; see expected-change.ts. */
  readonly expected?: ExpectedChanges;
  /** Decides what follows in the same transaction, on what this has written; null: nothing. Pure, as every decision. */
  readonly followedBy?: (view: NodeView) => NodeEffects | null;
  /** Set if this is one node's part of a job on many. */
  readonly jobResult?: { readonly job: number; readonly accepted: number; readonly baseline: number };
  /** Drifts, by number, that get `record` as their acknowledgement; null: that lose it. */
  readonly acknowledge?: { readonly record: Acknowledgement | null; readonly drifts: readonly number[] };
}

export const noDriftEffects: DriftEffects = { started: [], altered: [], ended: [], unknown: [], known: [] };
