/**
 * The audit log as a chain: each record carries a hash over itself and the hash of the one before, so that a record
 * that was changed, taken out or put in between shows in every hash after it. What was cut off at the end does not: keep
 * the head's hash elsewhere, and ask whether it is still on the chain.
 */
import { hash } from 'node:crypto';

/** A record as it is stored; `details` is the text that the hash is over. */
export interface ChainedAudit {
  /** From 1, without gaps. */
  readonly id: number;
  readonly at: number;
  readonly who: string;
  readonly action: string;
  readonly node: string | null;
  readonly reason: string | null;
  readonly details: string;
  readonly hash: string;
}

export interface AuditHead {
  readonly id: number;
  /** Lower-case hex sha256. */
  readonly hash: string;
}

/** What the first record follows. */
export const emptyAudit: AuditHead = { id: 0, hash: '0'.repeat(64) };

export function auditHash(before: AuditHead, record: Omit<ChainedAudit, 'hash'>): string {
  const { id, at, who, action, node, reason, details } = record;
  return hash('sha256', JSON.stringify([before.hash, id, at, who, action, node, reason, details]));
}

export type AuditVerdict =
  | { readonly problem: null; readonly head: AuditHead; readonly foundHead: boolean }
  | { readonly problem: string };

/** Follows the chain record by record. */
export class AuditChainCheck {
  readonly #wanted: string | null;
  #head = emptyAudit;
  #problem: string | null = null;
  #foundHead: boolean;

  /** `wanted`: a hash that a record must have; null for none. */
  constructor(wanted: string | null) {
    this.#wanted = wanted;
    this.#foundHead = wanted === null || wanted === emptyAudit.hash;
  }

  /** Records in the order of their numbers. Returns whether the chain holds so far. */
  follow(records: Iterable<ChainedAudit>): boolean {
    for (const record of records) {
      if (this.#problem !== null) break;
      this.#problem = linkProblem(this.#head, record);
      this.#head = { id: record.id, hash: record.hash };
      this.#foundHead ||= record.hash === this.#wanted;
    }
    return this.#problem === null;
  }

  verdict(): AuditVerdict {
    if (this.#problem !== null) return { problem: this.#problem };
    return { problem: null, head: this.#head, foundHead: this.#foundHead };
  }
}

function linkProblem(before: AuditHead, record: ChainedAudit): string | null {
  if (record.id !== before.id + 1) {
    return `record ${before.id + 1} is missing: ${record.id} follows ${before.id}`;
  }
  if (record.hash === auditHash(before, record)) return null;
  return `record ${record.id} is not what was written, or not what followed record ${before.id}`;
}
