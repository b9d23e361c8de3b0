/** Refuses who may not call a route. */
import type { FastifyRequest } from 'fastify';
import { mayCall } from '#core/auth';
import { identifier } from './identify.ts';
import { ProblemError } from './problem.ts';
import type { App, RouteContext } from './route.ts';

export function authenticate(app: App, context: RouteContext): void {
  const identify = identifier(context);
  app.decorateRequest('identity', null);
  app.addHook('onRoute', (route) => {
    if (route.config?.role === undefined) throw new Error(`route ${route.url} does not say who may call it`);
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const role = request.routeOptions.config.role!;
    if (role === 'open') return;
    request.identity = await identify(request.headers.authorization, request.ip);
    const verdict = mayCall(request.identity, role, nodeOf(request));
    if (verdict === 'unauthenticated') {
      throw new ProblemError('unauthenticated', 'Send a token: "Authorization: Bearer …".');
    }
    if (verdict === 'forbidden') {
      throw new ProblemError(
        'forbidden',
        `This needs a token of role ${role}${role === 'agent' ? ' for this node' : ''}.`,
      );
    }
  });
}

function nodeOf(request: FastifyRequest): string | null {
  return (request.params as { node?: string }).node ?? null;
}
