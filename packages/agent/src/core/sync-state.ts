/**
 * What the agent knows of the collector's copy of its manifest, and what that means for the next report.
 *
 * | known                                       | the report                                              |
 * | no manifest of our own yet                  | `starting`: facts, health, events                       |
 * | the copy was ours at the last answer        | `delta`: what changed since                             |
 * | there is no copy                            | `buckets`: all that hold something                      |
 * | its digest, or nothing                      | `probe`: no changes; a 409 tells what differs, if any   |
 * | its bucket digests (after a 409)            | `buckets`: those that differ                            |
 * | the buckets did not bring it right          | `buckets`: all 256                                      |
 */
import { emptyBucketDigest, type Manifest } from '@holdfast/shared/manifest';
import { maxReportEvents } from '@holdfast/shared/wire';
import type { ReportOutcome } from '#core/collector-outcome';

export interface SyncState {
  /** Null: no answer has said. */
  readonly copy: { readonly digest: string | null; readonly isOurs: boolean } | null;
  /** Of the copy, from the last 409; null otherwise. */
  readonly bucketDigests: readonly string[] | null;
  /** 409s in a row that asked for buckets. */
  readonly mismatches: number;
  readonly epoch: string | null;
  readonly isScopeKnown: boolean;
  /** Events that one report may carry; halved when a report was too large for something on the way. */
  readonly maxEvents: number;
}

export const nothingKnown: SyncState = {
  copy: null,
  bucketDigests: null,
  mismatches: 0,
  epoch: null,
  isScopeKnown: false,
  maxEvents: maxReportEvents,
};

export type Plan =
  | { readonly kind: 'starting' }
  | { readonly kind: 'delta'; readonly base: string | null }
  | { readonly kind: 'probe'; readonly base: string | null }
  | { readonly kind: 'buckets'; readonly base: string | null; readonly indexes: readonly number[] };

/** After so many 409s in a row, buckets that look equal are sent too. */
const mismatchesUntilAll = 2;

export function planReport(state: SyncState, manifest: Manifest | null): Plan {
  if (!manifest) return { kind: 'starting' };
  const { copy, bucketDigests, mismatches } = state;
  if (!copy) return { kind: 'probe', base: null };
  const base = copy.digest;
  if (bucketDigests) {
    const isAll = mismatches >= mismatchesUntilAll;
    const indexes = indexesWhere(manifest, (digest, i) => isAll || digest !== bucketDigests[i]);
    return { kind: 'buckets', base, indexes };
  }
  if (copy.isOurs) return { kind: 'delta', base };
  if (base === null) {
    return {
      kind: 'buckets',
      base,
      indexes: indexesWhere(manifest, (digest) => digest !== emptyBucketDigest),
    };
  }
  return { kind: 'probe', base };
}

/** `sent`: what the report that was answered had in it. */
export function afterOutcome(
  state: SyncState,
  sent: { readonly result: string | null; readonly events: number },
  outcome: ReportOutcome,
): SyncState {
  switch (outcome.kind) {
    case 'acknowledged': {
      const { observed, epoch } = outcome.answer;
      // Of a store that went back, even an equal digest is looked at once more.
      const isSameStore = state.epoch === null || state.epoch === epoch;
      const isOurs = isSameStore && sent.result !== null && observed === sent.result;
      return {
        ...state,
        copy: { digest: observed, isOurs },
        bucketDigests: null,
        mismatches: 0,
        epoch,
        isScopeKnown: true,
      };
    }
    case 'base-mismatch': {
      const { observed, epoch, bucketDigests } = outcome.mismatch;
      const mismatches = state.mismatches + 1;
      return { ...state, copy: { digest: observed, isOurs: false }, bucketDigests, mismatches, epoch };
    }
    case 'scope-unknown':
      return { ...state, isScopeKnown: false };
    case 'refused':
      if (outcome.status !== 413 || sent.events <= 1) return state;
      return { ...state, maxEvents: Math.floor(sent.events / 2) };
    case 'unavailable':
      return state;
  }
}

/** Compares anew what the collector holds, whatever was acknowledged. */
export function resynchronised(state: SyncState): SyncState {
  if (!state.copy) return state;
  return { ...state, copy: { ...state.copy, isOurs: false }, bucketDigests: null };
}

function indexesWhere(manifest: Manifest, isWanted: (digest: string, index: number) => boolean): number[] {
  const indexes: number[] = [];
  for (const [i, digest] of manifest.bucketDigests().entries()) if (isWanted(digest, i)) indexes.push(i);
  return indexes;
}
