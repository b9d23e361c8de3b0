/** How AIDE's state, and what must be written with it, are put together. */
import { hash } from 'node:crypto';
import type { AideFinding } from '@holdfast/shared/aide-compare';
import { bucketOf } from '@holdfast/shared/manifest';
import type {
  AideDatabaseRecord,
  AideEffects,
  AideState,
  AideView,
  EngineDisagreement,
  MadeDatabase,
  PendingPath,
} from '#core/aide-state';
import type { Millis } from '#core/node-state';

/** A run is asked for no sooner after the last time; a wish for one is kept until then. */
export const minMillisBetweenAsking = 10 * 60_000;

/** Whether a run that is wanted may be asked for by now. */
export function mayAsk({ askedAt }: AideState, now: Millis): boolean {
  return now - (askedAt ?? 0) >= minMillisBetweenAsking;
}

/** The lists of a node as they are, and as a decision changes them. */
export class AideDraft {
  state: AideState;
  readonly #view: AideView;
  #made: MadeDatabase | null = null;
  #findings: readonly AideFinding[] | null = null;
  #pending: readonly PendingPath[] | null = null;
  #disagreements: readonly EngineDisagreement[] | null = null;
  #asks = false;
  #asksAtOnce = false;

  constructor(state: AideState, view: AideView) {
    this.state = state;
    this.#view = view;
  }

  get findings(): readonly AideFinding[] {
    return this.#findings ?? (this.state.findings === 0 ? [] : this.#view.allFindings());
  }
  set findings(findings: readonly AideFinding[]) {
    this.#findings = findings;
  }

  get pending(): readonly PendingPath[] {
    return this.#pending ?? (this.state.pending === 0 ? [] : this.#view.pending());
  }
  set pending(pending: readonly PendingPath[]) {
    this.#pending = pending;
  }

  get disagreements(): readonly EngineDisagreement[] {
    return this.#disagreements ?? (this.state.disagreements === 0 ? [] : this.#view.disagreements());
  }
  set disagreements(disagreements: readonly EngineDisagreement[]) {
    this.#disagreements = disagreements;
  }

  /** The text of a database that is kept, or that this decision made. */
  text(digest: string): string | null {
    return this.#made?.digest === digest ? this.#made.text : this.#view.text(digest);
  }

  /** Puts `made` in the place of AIDE's baseline, made under what `record` says. */
  moveBaseline(made: MadeDatabase, record: AideDatabaseRecord): void {
    this.#made = made;
    const { digest, entries } = made;
    this.state = { ...this.state, baseline: { ...record, digest, entries } };
  }

  /** Asks the agent for a run soon. `atOnce`: for an operator, who waits for it. */
  ask(atOnce = false): void {
    this.#asks = true;
    this.#asksAtOnce ||= atOnce;
  }

  finish(now: Millis): FinishedAide {
    const { findings, pending, disagreements, state } = this;
    const isWanted = this.#asks || state.isWanted === true;
    const asks = isWanted && (this.#asksAtOnce || mayAsk(state, now));
    const isChanged = this.#findings !== null || this.#pending !== null || this.#disagreements !== null;
    const tag = isChanged ? tagOf(findings, pending, disagreements) : state.tag;
    const effects: AideEffects = {
      made: this.#made,
      findings: this.#findings,
      pending: this.#pending,
      disagreements: this.#disagreements,
    };
    return {
      state: {
        ...state,
        findings: findings.length,
        pending: pending.length,
        disagreements: disagreements.length,
        tag,
        askedAt: asks ? now : state.askedAt,
        isWanted: isWanted && !asks,
      },
      effects,
      asks,
      findings: this.#findings,
      touched: this.#findings ? touchedBuckets(this.#view, this.state, this.#findings) : [],
    };
  }
}

export interface FinishedAide {
  readonly state: AideState;
  readonly effects: AideEffects;
  readonly asks: boolean;
  /** Null: they are as they were. */
  readonly findings: readonly AideFinding[] | null;
  /** Buckets whose findings may be others than before. */
  readonly touched: readonly number[];
}

function touchedBuckets(view: AideView, { findings }: AideState, after: readonly AideFinding[]): number[] {
  const before = findings === 0 ? [] : view.allFindings();
  return [...new Set([...before, ...after].map(({ path }) => bucketOf(path)))].sort((a, b) => a - b);
}

function tagOf(
  findings: readonly AideFinding[],
  pending: readonly PendingPath[],
  disagreements: readonly EngineDisagreement[],
): string {
  if (findings.length + pending.length + disagreements.length === 0) return '';
  const sorted = <T extends { readonly path: string }>(list: readonly T[]) =>
    list.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const all = [sorted(findings), sorted(pending).map(({ path }) => path), sorted(disagreements)];
  return hash('sha256', JSON.stringify(all)).slice(0, 32);
}

/** The view in which AIDE has found `findings`. */
export function withFindings<V extends { readonly aide: AideView }>(
  view: V,
  findings: readonly AideFinding[] | null,
): V {
  if (findings === null) return view;
  const byBucket = new Map<number, Map<string, AideFinding>>();
  for (const finding of findings) {
    const index = bucketOf(finding.path);
    const known = byBucket.get(index) ?? new Map<string, AideFinding>();
    byBucket.set(index, known.set(finding.path, finding));
  }
  const none: ReadonlyMap<string, AideFinding> = new Map();
  return {
    ...view,
    aide: { ...view.aide, findings: (index) => byBucket.get(index) ?? none, allFindings: () => findings },
  };
}
