import { decideReview } from '#core/review-node';
import { askedBy, operatorActs } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { type Route, timestamp } from './route.ts';

/** An operator has looked at all that differs, and moves nothing. */
export const postReview: Route = (app, { store, clock }) => {
  app.post('/api/v1/nodes/:node/review', operatorActs, async (request) => {
    const { node } = request.params;
    const asked = { ifMatch: request.headers['if-match'] ?? null, ...askedBy(request) };
    const now = clock();
    const decided = await store.decide(node, (view) => decideReview(view, asked, now));
    const { outcome } = takenOrThrow(decided);
    return { node, reviewedAt: timestamp(outcome.at), reviewedBy: outcome.by };
  });
};
