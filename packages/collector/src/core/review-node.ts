/**
 * When a node was last reviewed: someone named the drift that they had looked at, all of it, whatever they then did about
 * it. An acceptance or a restore with `If-Match` counts, and so does this, which moves nothing.
 */
import { type BaselineRefusal, recordOnly } from '#core/baseline-effects';
import { matchesDriftTag, namesWhatWasSeen } from '#core/drift-tag';
import { nodeEvent } from '#core/event-record';
import type { AuditRecord, Millis, NodeEffects, NodeState, NodeView } from '#core/node-state';

export type Review = NonNullable<NodeState['review']>;

export interface ReviewRequest {
  /** Must name what was looked at; see drift-tag.ts. */
  readonly ifMatch: string | null;
  readonly who: string;
  readonly reason: string | null;
}

export type ReviewDecision =
  | { readonly refuse: BaselineRefusal }
  | { readonly apply: NodeEffects; readonly outcome: Review };

export function decideReview(
  { state }: NodeView,
  { ifMatch, who, reason }: ReviewRequest,
  now: Millis,
): ReviewDecision {
  if (!state) return { refuse: { code: 'node-unknown', detail: 'no node of that name has reported' } };
  const { name } = state;
  if (state.deletedAt !== null) return { refuse: { code: 'node-deleted', detail: `${name} was deleted` } };
  if (ifMatch === null || !namesWhatWasSeen(ifMatch)) {
    const detail = 'a review names what was looked at: send If-Match with the ETag of the drift';
    return { refuse: { code: 'bad-request', detail } };
  }
  if (!matchesDriftTag(ifMatch, state)) {
    const detail = `${name} is no longer what If-Match names; look again`;
    return { refuse: { code: 'node-moved-on', detail } };
  }
  const review: Review = { at: now, by: who };
  const audit: AuditRecord = {
    at: now,
    who,
    action: 'review',
    node: name,
    reason,
    details: { baseline: state.baseline?.sequence ?? null, observed: state.observed },
  };
  const events = [nodeEvent('node-reviewed', now, `by ${who}`)];
  return { apply: recordOnly({ ...state, review }, events, audit), outcome: review };
}

/** Whether the present baseline was reviewed: by who accepted it, or since. */
export function isBaselineReviewed({ baseline, review }: Pick<NodeState, 'baseline' | 'review'>): boolean {
  if (baseline === null) return false;
  return baseline.reviewed || (review !== null && review.at >= baseline.acceptedAt);
}
