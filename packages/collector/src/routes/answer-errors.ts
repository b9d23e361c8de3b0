import { type SchemaError, schemaProblems } from '@holdfast/shared/schema-problems';
/** Turns whatever a route or Fastify throws into a problem. What the caller did not cause is logged, and not told. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { StorageUnavailableError } from '#store/store';
import { ProblemError, sendProblem } from './problem.ts';
import type { App, RouteContext } from './route.ts';

const maxErrorsNamed = 5;

export function answerErrors(app: App, { readiness }: RouteContext): void {
  app.decorateReply('problem', null);
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, 'not-found', 'There is no such route. Routes begin with /api/v1.'),
  );
  app.setErrorHandler<FastifyError | ProblemError | StorageUnavailableError>((error, request, reply) => {
    readiness.saw(error);
    return answerError(error, request, reply);
  });
}

function answerError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof ProblemError)
    return sendProblem(reply, error.code, error.message, error.members, error.retryAfterSeconds);
  if (error instanceof StorageUnavailableError) {
    request.log.error({ err: error }, 'the store refused');
    return sendProblem(
      reply,
      'storage-unavailable',
      'Nothing was written. The log of the collector says why.',
    );
  }
  if ('validation' in error && error.validation) {
    return sendProblem(reply, 'bad-request', schemaProblem(error));
  }
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413)
    return sendProblem(reply, 'body-too-large', 'The body is larger than this route allows.');
  if (status === 415) return sendProblem(reply, 'unsupported-encoding', 'Send the body as application/json.');
  if (status !== undefined && status >= 400 && status < 500) {
    return sendProblem(reply, 'bad-request', error.message);
  }
  request.log.error({ err: error }, 'a request failed');
  return sendProblem(reply, 'internal', 'The log of the collector says why.', { requestId: request.id });
}

/** Names the place and the complaint of the first few errors. */
function schemaProblem(error: FastifyError): string {
  const where = error.validationContext ?? 'request';
  return describeSchemaErrors(where, error.validation ?? []);
}

export function describeSchemaErrors(where: string, errors: readonly SchemaError[]): string {
  const problems = schemaProblems(errors).slice(0, maxErrorsNamed);
  return problems.map((problem) => `${where}${problem.replace(/^\/:/, ':')}`).join('; ');
}
