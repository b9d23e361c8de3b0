/**
 * What the collector keeps of sweeps and stacks. The guarantees of the store hold here too: an operation is applied
 * whole or not at all, and is durable when its promise resolves.
 *
 * From the moment its stacks are known, a sweep has one result for each of them: "unmeasured" until there is another.
 * So the outcomes sum to the discovered stacks at any time, and a crash leaves nothing false behind.
 */
import type { AuditRecord, Millis } from '#core/node-state';
import type { Outcome, Phase, StackResult } from '#sweep/core/stack-result';
import type { RuleUse } from '#sweep/core/stack-rule';
import type { StackState } from '#sweep/core/stack-state';

/** `interrupted`: the collector stopped or crashed meanwhile. `failed`: nothing could be planned at all. */
export type SweepPhase = 'running' | 'finished' | 'failed' | 'interrupted';

export const sweepTriggers = ['schedule', 'api', 'command', 'push'] as const;
export type SweepTrigger = (typeof sweepTriggers)[number];

export interface SweepStart {
  /** A UUID. */
  readonly id: string;
  readonly trigger: SweepTrigger;
  /** A token's name, or `holdfast`. */
  readonly who: string;
  readonly reason: string | null;
  /** Globs of the only stacks that were asked for; null: all. */
  readonly only: readonly string[] | null;
  readonly startedAt: Millis;
  readonly deadlineMs: number;
  /** Directory or URL, as configured. */
  readonly source: string;
}

/** What is known once the checkout is there. */
export interface SweepScope {
  /** Counted when they were found, apart from the results: the outcomes must sum up to it. */
  readonly discovered: number;
  readonly commit: string | null;
  readonly isDirty: boolean;
  /** Globs of the configuration that no stack matches; left out by earlier versions. */
  readonly unmatched?: readonly string[];
  /** What only one of our discovery and Terragrunt's found; null if they were not compared. */
  readonly disagreement: {
    readonly onlyOurs: readonly string[];
    readonly onlyTerragrunt: readonly string[];
  } | null;
}

/** What is known at the end. */
export interface SweepEnd {
  readonly endedAt: Millis;
  readonly phase: Exclude<SweepPhase, 'running'>;
  readonly failure: { readonly phase: Phase; readonly diagnostic: string } | null;
  readonly endedBy: 'deadline' | 'breaker' | 'interrupt' | null;
  /** What differed was planned again against this commit; null if nothing was, or if there is no commit. */
  readonly confirmedOn: string | null;
  readonly predictedMs: number | null;
  readonly reclassified: number;
  readonly rules: readonly RuleUse[];
  readonly balanced: boolean;
  readonly leaked: boolean;
}

export interface SweepRecord extends SweepStart {
  readonly phase: SweepPhase;
  readonly discovered: number;
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Null until the checkout is there. */
  readonly scope: SweepScope | null;
  /** Null while it runs. */
  readonly end: SweepEnd | null;
}

export interface StoredOutcome {
  readonly sweep: string;
  readonly endedAt: Millis | null;
  readonly result: StackResult;
}

/** A whole sweep that ran apart. */
export interface PushedSweep {
  readonly start: SweepStart;
  readonly scope: SweepScope | null;
  readonly end: SweepEnd;
  readonly results: readonly StackResult[];
  /** Hex sha256 of what was sent. */
  readonly digest: string;
  readonly receivedAt: Millis;
}

export type TakenSweep =
  | { readonly kind: 'taken' }
  /** The same was taken before. */
  | { readonly kind: 'repeated' }
  /** Another one was taken under this id, or runs here. */
  | { readonly kind: 'conflict' };

export interface SweepStore {
  /** Secret, and the same for ever: what fingerprints are salted with. */
  salt(): Promise<string>;
  /** Writes that a sweep runs, over `stacks` as far as it is known before the checkout. */
  begin(start: SweepStart, stacks: readonly StackResult[], audit: AuditRecord | null): Promise<void>;
  /** Writes which stacks it is over, in the place of those that were thought to be. */
  discovered(id: string, scope: SweepScope, stacks: readonly StackResult[]): Promise<void>;
  /** Writes results that stand. */
  keep(id: string, results: readonly StackResult[]): Promise<void>;
  /**
   * Writes the end of a sweep, and what it makes of each stack. `results` are all of them, or null where those that were
   * kept stand. After a whole sweep whose stacks could be found, stacks that were not among them are forgotten, unless
   * another sweeper knows them: another token's job, or this collector.
   */
  finish(id: string, end: SweepEnd, results: readonly StackResult[] | null): Promise<void>;
  /** Sweeps that run, as far as the store knows: after a crash, those that did. */
  running(): Promise<SweepRecord[]>;
  take(sweep: PushedSweep): Promise<TakenSweep>;

  sweep(id: string): Promise<SweepRecord | null>;
  /** Newest first; those that began before the one called `before`. */
  sweeps(before: string | null, limit: number): Promise<SweepRecord[]>;
  /** By stack. */
  resultsOf(sweep: string): Promise<StackResult[]>;
  /** By name. */
  stacks(): Promise<StackState[]>;
  stack(name: string): Promise<StackState | null>;
  /** Newest first. */
  outcomesOf(stack: string, limit: number): Promise<StoredOutcome[]>;
  /** The newest sweep over all stacks that has ended; null if there is none. */
  lastWhole(): Promise<SweepRecord | null>;
  /** The one that ended last; null if none has. */
  lastEnded(): Promise<SweepRecord | null>;
}
