/** What the store keeps of acceptances on many nodes. The result of a node that accepts is written by `Store.decide`. */
import type { Millis } from '#core/node-state';

export interface NewJob {
  /** Of a row of the fleet's drift. */
  readonly row: string;
  readonly fingerprints: readonly string[];
  readonly who: string;
  readonly reason: string | null;
  readonly createdAt: Millis;
}

export interface Job extends NewJob {
  readonly id: number;
  /** Null while a node is pending. */
  readonly endedAt: Millis | null;
}

/** How many nodes of a job have come to which outcome. */
export interface JobNodes {
  readonly pending: number;
  readonly accepted: number;
  readonly refused: number;
}

export interface JobNode {
  readonly node: string;
  readonly outcome: keyof JobNodes;
  readonly at: Millis | null;
  /** How many paths were taken over; null unless accepted. */
  readonly accepted: number | null;
  /** The sequence of the baseline afterwards; null unless accepted. */
  readonly baseline: number | null;
  /** Why not; null unless refused. */
  readonly code: string | null;
  readonly detail: string | null;
}

/** Jobs that may run or wait at one time. */
export const maxRunningJobs = 100;

export interface JobStore {
  /**
   * Creates a job over all nodes of the row, with its audit record. Where one over the same row runs, that one; the
   * record then says who joined it. Null: too many run.
   */
  create(job: NewJob): Promise<Job | null>;
  get(id: number): Promise<Job | null>;
  /** Newest first, those with an id below `before`. */
  list(before: number | null, limit: number): Promise<Job[]>;
  counts(id: number): Promise<JobNodes>;
  /** Sorted by name, those after `after`. */
  nodes(id: number, after: string, limit: number): Promise<JobNode[]>;
  /** The oldest that has not ended. */
  running(): Promise<Job | null>;
  /** Names of nodes without a result. */
  pending(id: number, limit: number): Promise<string[]>;
  refuse(id: number, node: string, code: string, detail: string, at: Millis): Promise<void>;
  end(id: number, at: Millis): Promise<void>;
}
