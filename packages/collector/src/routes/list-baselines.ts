import { baselineAnswer, knownNode } from './node-answer.ts';
import { NodeParams, type Route } from './route.ts';

export const listBaselines: Route = (app, { store }) => {
  app.get(
    '/api/v1/nodes/:node/baselines',
    { config: { role: 'viewer' }, schema: { params: NodeParams } },
    async ({ params: { node } }) => {
      await knownNode(store, node);
      const baselines = await store.baselines(node);
      return { node, baselines: baselines.map(baselineAnswer) };
    },
  );
};
