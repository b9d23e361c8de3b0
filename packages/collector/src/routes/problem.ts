/** Errors as the API tells them: `application/problem+json` (RFC 9457) with a stable code. */
import { type ProblemCode, problemCodes } from '@holdfast/shared/problem-codes';
import type { FastifyReply } from 'fastify';
import { jsonLine } from './json-line.ts';

/** What a route throws for an outcome that the caller should see. `detail` is for people, and holds no secrets. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  /** Further members of the answer. */
  readonly members: Readonly<Record<string, unknown>>;
  /** When it is worth trying again, where that is known better than by the code. */
  readonly retryAfterSeconds: number | null;
  constructor(
    code: ProblemCode,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
    retryAfterSeconds: number | null = null,
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.code = code;
    this.members = members;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** When it is worth trying again, in seconds. Callers add jitter of their own. */
const retryAfterSeconds: Partial<Record<ProblemCode, number>> = {
  'too-many-requests': 5,
  'too-many-nodes': 60,
  'storage-unavailable': 15,
  'disk-nearly-full': 60,
  'identity-unavailable': 10,
  'shutting-down': 5,
};

export function problemBody(
  code: ProblemCode,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
) {
  const { status, title } = problemCodes[code];
  return { type: `urn:holdfast:problem:${code}`, title, status, code, detail, ...members };
}

export function sendProblem(
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  members?: Readonly<Record<string, unknown>>,
  wantedRetryAfter: number | null = null,
): FastifyReply {
  const retryAfter = wantedRetryAfter ?? retryAfterSeconds[code];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="holdfast"');
  if (code === 'shutting-down') reply.header('connection', 'close');
  reply.problem = { code, detail };
  return reply
    .code(problemCodes[code].status)
    .type('application/problem+json')
    .serializer(jsonLine)
    .send(problemBody(code, detail, members));
}

declare module 'fastify' {
  interface FastifyReply {
    /** What was answered; null if it was no problem. */
    problem: { readonly code: ProblemCode; readonly detail: string } | null;
  }
}
