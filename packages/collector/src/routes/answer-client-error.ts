/** Answers what is no HTTP request, or never becomes one. It has no route and no reply: only a socket. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ProblemCode } from '@holdfast/shared/problem-codes';
import { jsonLine } from './json-line.ts';
import { problemBody } from './problem.ts';

const details = {
  'bad-request': 'This is not HTTP.',
  'request-timeout': 'Send the whole request in time.',
  'headers-too-large': 'The request line and its headers are too long.',
} as const satisfies Partial<Record<ProblemCode, string>>;

export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code !== 'ECONNRESET' && socket.writable) socket.write(answerOf(codeOf(error)));
  socket.destroy(error);
}

function codeOf({ code }: NodeJS.ErrnoException): keyof typeof details {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request-timeout';
    case 'HPE_HEADER_OVERFLOW':
      return 'headers-too-large';
    default:
      return 'bad-request';
  }
}

function answerOf(code: keyof typeof details): string {
  const problem = problemBody(code, details[code]);
  const body = jsonLine(problem);
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
