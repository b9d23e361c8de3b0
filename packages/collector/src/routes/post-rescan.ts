import { decideRescan } from '#core/node-lifecycle';
import { askedBy, operatorActs } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { type Route, timestamp } from './route.ts';

/** The agent scans everything within seconds: its long poll is answered with the command. */
export const postRescan: Route = (app, { store, clock }) => {
  app.post('/api/v1/nodes/:node/rescan', operatorActs, async (request, reply) => {
    const { node } = request.params;
    const asked = askedBy(request);
    const now = clock();
    const decided = await store.decide(node, (view) => decideRescan(view, asked, now));
    const { outcome } = takenOrThrow(decided);
    return reply.code(202).send({ node, askedAt: timestamp(outcome.askedAt) });
  });
};
