/** One log line and one sample a request. Lines never hold headers, so no token gets into them. */
import type { ProblemCode } from '@holdfast/shared/problem-codes';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problem.ts';
import type { App, RouteContext } from './route.ts';

const reportsRoute = '/api/v1/nodes/:node/reports';
const showsQuiet = new Set(['debug', 'trace']);

export function observeRequests(app: App, { metrics, stopping }: RouteContext): void {
  app.addHook('onRequest', async () => {
    if (stopping.aborted)
      throw new ProblemError('shutting-down', 'The collector is stopping. Try again soon.');
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    metrics.countRequest(
      knownMethod(request.method),
      route.replaceAll(/:(\w+)/g, '{$1}'),
      reply.statusCode,
      reply.elapsedTime / 1000,
    );
    if (route === reportsRoute) metrics.countReport(reply.problem?.code ?? 'taken');
    logRequest(request, reply);
  });
}

/** Of these the detail tells what the operator looks for: why a token was refused. Others may quote what was sent. */
const toldWithDetail = new Set<ProblemCode>(['unauthenticated', 'forbidden', 'too-many-requests']);

function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { problem } = reply;
  const isQuiet = request.routeOptions.config.quiet === true && problem === null;
  if (isQuiet && !showsQuiet.has(request.log.level)) return;
  const line = {
    method: request.method,
    url: shownUrl(request.url),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    caller: request.identity?.name ?? null,
    ...(problem === null ? {} : { code: problem.code, address: request.ip }),
    ...(problem && toldWithDetail.has(problem.code) ? { detail: problem.detail } : {}),
  };
  request.log[isQuiet ? 'debug' : 'info'](line, 'request');
}

/** Finding a token costs the square of it. */
const maxShownLength = 512;

/** Without the query, and without what could be a token: some callers put theirs into the URL. */
function shownUrl(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path
    .slice(0, maxShownLength)
    .replaceAll(/[\w%-]*hf(?:_|%5f)[\w%-]{8,}|[\w-]+\.[\w-]{16,}\.[\w-]{16,}/gi, '(not shown)');
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** Bounds the label: callers can send any method. */
function knownMethod(method: string): string {
  return methods.has(method) ? method : 'other';
}
