import { decideDeletion } from '#core/node-lifecycle';
import { askedBy, operatorActs } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { type Route, timestamp } from './route.ts';

/** The node is gone: its series end and its reports get 410, its history stays. */
export const deleteNode: Route = (app, { store, clock }) => {
  app.delete('/api/v1/nodes/:node', operatorActs, async (request) => {
    const { node } = request.params;
    const asked = askedBy(request);
    const now = clock();
    const decided = await store.decide(node, (view) => decideDeletion(view, asked, now));
    const { outcome } = takenOrThrow(decided);
    return { node, deletedAt: timestamp(outcome.deletedAt) };
  });
};
