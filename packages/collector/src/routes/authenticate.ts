/** Finds out who calls, and refuses who may not. Stored tokens are looked up each time, so a revocation holds at once. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import {
  bearerToken,
  configuredAgent,
  configuredOperator,
  type Identity,
  mayCall,
  tokenHash,
} from '#core/auth';
import type { Store } from '#store/store';
import type { CollectorConfig } from '../config.ts';
import { ProblemError } from './problem.ts';
import type { App, RouteContext } from './route.ts';

export function authenticate(app: App, context: RouteContext): void {
  const identify = identifier(context.config.tokens, context.store);
  app.decorateRequest('identity', null);
  app.addHook('onRoute', (route) => {
    if (route.config?.role === undefined) throw new Error(`route ${route.url} does not say who may call it`);
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const role = request.routeOptions.config.role!;
    if (role === 'open') return;
    request.identity = await identify(request.headers.authorization);
    const verdict = mayCall(request.identity, role, nodeOf(request));
    if (verdict === 'unauthenticated') {
      throw new ProblemError(
        'unauthenticated',
        'Send a token that is known and not revoked: "Authorization: Bearer …".',
      );
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

function identifier(
  configured: CollectorConfig['tokens'],
  store: Store,
): (header: string | undefined) => Promise<Identity | null> {
  const known = [
    ...configuredIdentity(configured.operator, { name: configuredOperator, role: 'operator', node: null }),
    ...configuredIdentity(configured.agent, { name: configuredAgent, role: 'agent', node: null }),
  ];
  return async (header) => {
    const token = bearerToken(header);
    if (token === null) return null;
    const hash = tokenHash(token);
    const given = Buffer.from(hash, 'hex');
    const match = known.find((candidate) => timingSafeEqual(candidate.hash, given));
    if (match) return match.identity;
    const stored = await store.tokenByHash(hash);
    return stored && { name: stored.name, role: stored.role, node: stored.node };
  };
}

function configuredIdentity(token: string | null, identity: Identity) {
  return token === null ? [] : [{ hash: Buffer.from(tokenHash(token), 'hex'), identity }];
}
