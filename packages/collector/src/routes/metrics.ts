import { fleetSnapshot } from './fleet-snapshot.ts';
import type { Route } from './route.ts';

export const metrics: Route = (app, context) => {
  const role = context.config.metrics.auth;
  app.get('/metrics', { config: { role, quiet: true } }, async (_request, reply) => {
    const text = await context.metrics.render(() => fleetSnapshot(context));
    return reply.type(context.metrics.contentType).send(text);
  });
};
