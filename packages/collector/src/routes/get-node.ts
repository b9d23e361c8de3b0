import { statusContext } from './fleet-snapshot.ts';
import { knownNode, nodeAnswer } from './node-answer.ts';
import { NodeParams, type Route } from './route.ts';

export const getNode: Route = (app, context) => {
  app.get(
    '/api/v1/nodes/:node',
    { config: { role: 'viewer' }, schema: { params: NodeParams } },
    async ({ params: { node } }) =>
      nodeAnswer(await knownNode(context.store, node), statusContext(context, node)),
  );
};
