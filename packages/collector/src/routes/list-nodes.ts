import { statusContext } from './fleet-snapshot.ts';
import { nodeAnswer } from './node-answer.ts';
import type { Route } from './route.ts';

export const listNodes: Route = (app, context) => {
  app.get('/api/v1/nodes', { config: { role: 'viewer' } }, async () => {
    const nodes = await context.store.nodes();
    return {
      nodes: nodes.map((summary) => nodeAnswer(summary, statusContext(context, summary.state.name))),
    };
  });
};
