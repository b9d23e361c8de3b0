import { sendProblem } from './problem.ts';
import type { Route } from './route.ts';

/** Whether the process lives, and whether it can do its work. */
export const health: Route = (app, { readiness }) => {
  app.get('/healthz', { config: { role: 'open', quiet: true }, exposeHeadRoute: true }, async () => ({
    status: 'ok',
  }));

  app.get(
    '/readyz',
    { config: { role: 'open', quiet: true }, exposeHeadRoute: true },
    async (_request, reply) => {
      const problem = await readiness.problem();
      return problem === null ? { status: 'ok' } : sendProblem(reply, 'storage-unavailable', problem);
    },
  );
};
