import { sendProblem } from './problem.ts';
import type { Route } from './route.ts';

/** Whether the process lives, and whether it can do its work: take reports, and keep them. */
export const health: Route = (app, { store }) => {
  app.get('/healthz', { config: { role: 'open', quiet: true }, exposeHeadRoute: true }, async () => ({
    status: 'ok',
  }));

  app.get(
    '/readyz',
    { config: { role: 'open', quiet: true }, exposeHeadRoute: true },
    async (_request, reply) => {
      if (await store.isWritable()) return { status: 'ok' };
      return sendProblem(reply, 'storage-unavailable', 'The store cannot be written to at present.');
    },
  );
};
