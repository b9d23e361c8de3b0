import { decideUndo } from '#core/restore-baseline';
import { baselineAnswer } from './node-answer.ts';
import { askedBy, operatorActs } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import type { Route } from './route.ts';

/** Takes the last acceptance back. */
export const undoBaseline: Route = (app, { store, clock }) => {
  app.post('/api/v1/nodes/:node/baseline/undo', operatorActs, async (request) => {
    const { node } = request.params;
    const asked = { ifMatch: request.headers['if-match'] ?? null, ...askedBy(request) };
    const now = clock();
    const decided = await store.decide(node, (view) => decideUndo(view, asked, now));
    const { outcome } = takenOrThrow(decided);
    return { node, ...outcome, baseline: baselineAnswer(outcome.baseline) };
  });
};
