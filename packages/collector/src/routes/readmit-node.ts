import { decideReadmission } from '#core/node-lifecycle';
import { askedBy, operatorActs } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { type Route } from './route.ts';

/** A deleted node may report again, and so may an agent that was refused because another one claimed its node. */
export const readmitNode: Route = (app, { store, clock }) => {
  app.post('/api/v1/nodes/:node/readmit', operatorActs, async (request) => {
    const { node } = request.params;
    const asked = askedBy(request);
    const now = clock();
    const decided = await store.decide(node, (view) => decideReadmission(view, asked, now));
    const { outcome } = takenOrThrow(decided);
    return { node, ...outcome };
  });
};
