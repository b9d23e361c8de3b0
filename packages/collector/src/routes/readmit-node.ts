import { decideReadmission } from '#core/node-lifecycle';
import { emptyObjectForNoBody } from './json-body.ts';
import { ReasonBody } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { callerName, NodeParams, type Route } from './route.ts';

/** A deleted node may report again, and so may an agent that was refused because another one claimed its node. */
export const readmitNode: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/nodes/:node/readmit',
    {
      config: { role: 'operator' },
      schema: { params: NodeParams, body: ReasonBody },
      preValidation: emptyObjectForNoBody,
    },
    async (request) => {
      const { node } = request.params;
      const asked = { who: callerName(request), reason: request.body.reason ?? null };
      const now = clock();
      const decided = await store.decide(node, (view) => decideReadmission(view, asked, now));
      const { outcome } = takenOrThrow(decided);
      return { node, ...outcome };
    },
  );
};
