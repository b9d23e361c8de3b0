/** What a sweep is asked to do, what it may use, and what it answers. */
import type { Outcome, StackResult } from '#sweep/core/stack-result';
import type { RuleUse, StackRule } from '#sweep/core/stack-rule';

export interface DiscoveredStack {
  /** The path of its directory from the root; unique. */
  readonly stack: string;
  /** Why it is not planned; null: it is. */
  readonly excludedBecause: string | null;
}

/** What an earlier sweep left behind about a stack. */
export interface StackHint {
  readonly lastOutcome: Outcome;
  /** How long its plan takes; null if it was never measured. */
  readonly durationMs: number | null;
}

export interface SweepLimits {
  /** Stacks planned at the same time. */
  readonly concurrency: number;
  readonly stackTimeoutMs: number;
  /** Counted from the start of the sweep. */
  readonly deadlineMs: number;
  /** Between an interrupt and the next, stronger signal. */
  readonly graceMs: number;
  /** Failures of one class in a row that pause the sweep. */
  readonly breakerFailures: number;
  /** Before the first probe of a paused sweep; doubles with each. */
  readonly breakerPauseMs: number;
  /** Probes that fail before the sweep gives up. */
  readonly breakerProbes: number;
}

export const defaultSweepLimits: SweepLimits = {
  concurrency: 4,
  stackTimeoutMs: 600_000,
  deadlineMs: 3_600_000,
  graceMs: 10_000,
  breakerFailures: 5,
  breakerPauseMs: 30_000,
  breakerProbes: 4,
};

export interface SweepRequest {
  /** Absolute path of the checkout. */
  readonly root: string;
  /** All that were discovered, in any order. */
  readonly stacks: readonly DiscoveredStack[];
  /** Holds the word `plan`; `show` and `init` take its place for those. What follows it goes to plan alone. */
  readonly command: readonly string[];
  /** What children see, chosen by {@link childEnvironment}. Names that look secret, and all `TF_VAR_*`, are redacted. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where private directories for plan files are made; must be there, and belong to no one else. */
  readonly workDirectory: string;
  /** Children run as this user; null: as we do. Needs root. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  readonly limits: SweepLimits;
  readonly hints: ReadonlyMap<string, StackHint>;
  readonly rules: readonly StackRule[];
  /** Of the fingerprints. Kept secret, or values could be guessed from them; the same in every sweep. */
  readonly salt: string;
}

/** For the children, at this moment. */
export interface Credentials {
  /** As in VAULT_ADDR, VAULT_TOKEN. */
  readonly environment: Readonly<Record<string, string>>;
  /** What must never be kept, all of it since the sweep began. */
  readonly secrets: readonly string[];
}

export interface SweepPorts {
  /** Milliseconds since 1970. */
  clock(): number;
  /** Brings the checkout up to the newest commit, before the confirmation pass. May throw: nothing is then confirmed. */
  refreshCheckout(): Promise<void>;
  /** Asked before each child starts. May throw: the stack then fails in phase auth. */
  credentials(): Promise<Credentials>;
  /** Called in order. Must not throw. */
  onProgress(event: SweepProgress): void;
  /** Ends the sweep: children are stopped, what is left is unmeasured. */
  readonly signal: AbortSignal;
}

export type SweepProgress =
  | {
      readonly kind: 'started';
      readonly discovered: number;
      /** Null while no stack's duration is known. */
      readonly predictedMs: number | null;
      readonly fitsDeadline: boolean | null;
    }
  | { readonly kind: 'planning'; readonly stack: string; readonly confirming: boolean }
  /** Every stack comes here exactly once with a final result; before, perhaps, with one that a second plan may correct. */
  | { readonly kind: 'planned'; readonly result: StackResult; readonly isFinal: boolean }
  | { readonly kind: 'paused'; readonly because: string; readonly pauseMs: number }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'gave-up'; readonly because: string }
  | { readonly kind: 'confirming'; readonly stacks: number };

export interface SweepResult {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly discovered: number;
  /** One for each discovered stack, by name. */
  readonly results: readonly StackResult[];
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Whether the outcomes sum up to the discovered stacks. False is a defect of ours, and worth an alert. */
  readonly balanced: boolean;
  readonly predictedMs: number | null;
  /** Stacks that differed at first and were clean on the newest commit. */
  readonly reclassified: number;
  readonly rules: readonly RuleUse[];
  /** Why not all stacks were planned; null if they were. */
  readonly endedBy: 'deadline' | 'breaker' | 'interrupt' | null;
  /** Whether a secret of the sweep was found in a result after redaction. True is a defect of ours, worth an alert. */
  readonly leaked: boolean;
}
