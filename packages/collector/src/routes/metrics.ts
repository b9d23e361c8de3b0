import { Readable } from 'node:stream';
import { fleetSnapshot } from './fleet-snapshot.ts';
import type { Route } from './route.ts';

export const metrics: Route = (app, context) => {
  const role = context.config.metrics.auth;
  app.get('/metrics', { config: { role, quiet: true } }, async (_request, reply) => {
    const slices = await context.metrics.render(() => fleetSnapshot(context));
    const bytes = slices.reduce((sum, { length }) => sum + length, 0);
    return reply
      .type(context.metrics.contentType)
      .header('content-length', bytes)
      .send(Readable.from(slices, { objectMode: false }));
  });
};
