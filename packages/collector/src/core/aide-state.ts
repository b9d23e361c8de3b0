/** What the collector remembers of AIDE on one node, and what a decision about it reads and asks to be written. */
import type { AideFinding } from '@holdfast/shared/aide-compare';
import type { AideRow, CommonAttribute } from '@holdfast/shared/aide-row';
import type { Entry } from '@holdfast/shared/entry';
import type { AideBaseline, AideReport, AideRun, AideWarning } from '@holdfast/shared/wire-aide';
import type { Millis } from '#core/node-state';

/** Of a run's warnings so many are kept; their number is. */
export const maxWarningsKept = 20;

/** A database that a run made, and under what. */
export interface AideDatabaseRecord extends AideBaseline {
  /** Of the scope that the node had then. */
  readonly scopeDigest: string;
  readonly entries: number;
}

/** The newest run that was judged. */
export interface JudgedRun
  extends Pick<
    AideRun,
    'id' | 'startedAt' | 'durationMs' | 'exit' | 'entries' | 'added' | 'removed' | 'changed' | 'verdict'
  > {
  readonly judgedAt: Millis;
  readonly warnings: readonly AideWarning[];
  readonly warningsTotal: number;
}

/** The database of a run with another configuration than the baseline's: waits for an operator. */
export interface OfferedDatabase extends AideDatabaseRecord {
  readonly config: string | null;
}

export interface AideState {
  /** What the agent says of it. */
  readonly told: Pick<AideReport, 'status' | 'reason' | 'version' | 'degraded'>;
  readonly run: JudgedRun | null;
  /** Why the newest run cannot be relied on although the agent did; null if nothing speaks against it. */
  readonly objection: string | null;
  readonly baseline: AideDatabaseRecord | null;
  /** Of the newest run that could be relied on. */
  readonly newest: AideDatabaseRecord | null;
  readonly offered: OfferedDatabase | null;
  readonly findings: number;
  /** Accepted paths whose rows are not in AIDE's baseline yet. */
  readonly pending: number;
  readonly disagreements: number;
  /** Changes with the findings, what is pending, and the disagreements. */
  readonly tag: string;
  /** When the agent was last asked for a run by this side. */
  readonly askedAt: Millis | null;
  /** A run is wanted that could not be asked for so soon after the last. Absent: none is. */
  readonly isWanted?: boolean;
}

/** An accepted path that waits for AIDE's next run. */
export interface PendingPath {
  readonly path: string;
  /** What AIDE had found when it was accepted, if it had; a row of null is a path that was gone. */
  readonly reviewed: { readonly row: AideRow | null } | null;
}

/** The engines read the same path and do not say the same, and nothing had changed it. */
export interface EngineDisagreement {
  readonly path: string;
  readonly attributes: readonly CommonAttribute[];
  readonly native: Entry;
  /** Null: AIDE does not list it any more. */
  readonly aide: AideRow | null;
}

/** What a decision may read. */
export interface AideView {
  /** The text of a database; null if it is not kept. */
  text(digest: string): string | null;
  /** Findings whose path lies in bucket `index`. */
  findings(index: number): ReadonlyMap<string, AideFinding>;
  allFindings(): readonly AideFinding[];
  pending(): readonly PendingPath[];
  disagreements(): readonly EngineDisagreement[];
  /** AIDE's baseline as it was with a baseline of the node; null if it is not kept. */
  baselineOf(sequence: number): AideDatabaseRecord | null;
  /** Paths with a change in the history since then. */
  movedSince(at: Millis): ReadonlySet<string>;
}

/** A database that a decision made. */
export interface MadeDatabase {
  readonly digest: string;
  readonly text: string;
  readonly entries: number;
}

/** What a decision asks to be written. A list that is null stays as it is; another one takes its place. */
export interface AideEffects {
  readonly made: MadeDatabase | null;
  readonly findings: readonly AideFinding[] | null;
  readonly pending: readonly PendingPath[] | null;
  readonly disagreements: readonly EngineDisagreement[] | null;
}

/** What an agent is told to check against. */
export function aideBaselineOf(state: AideState | null): AideBaseline | null {
  if (!state?.baseline) return null;
  const { digest, configDigest, aideVersion } = state.baseline;
  return { digest, configDigest, aideVersion };
}
