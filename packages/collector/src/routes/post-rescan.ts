import { decideRescan } from '#core/node-lifecycle';
import { emptyObjectForNoBody } from './json-body.ts';
import { ReasonBody } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { callerName, NodeParams, type Route, timestamp } from './route.ts';

/** The agent scans everything within seconds: its long poll is answered with the command. */
export const postRescan: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/nodes/:node/rescan',
    {
      config: { role: 'operator' },
      schema: { params: NodeParams, body: ReasonBody },
      preValidation: emptyObjectForNoBody,
    },
    async (request, reply) => {
      const { node } = request.params;
      const asked = { who: callerName(request), reason: request.body.reason ?? null };
      const now = clock();
      const decided = await store.decide(node, (view) => decideRescan(view, asked, now));
      const { outcome } = takenOrThrow(decided);
      return reply.code(202).send({ node, askedAt: timestamp(outcome.askedAt) });
    },
  );
};
