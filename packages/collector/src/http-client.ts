/**
 * The collector's way out by HTTP: one request, bounded in time and in what is read of the answer. Redirects are not
 * followed, so that what a request carries goes nowhere else. What a network can do is a value, not an error.
 */
import { Agent, type Dispatcher } from 'undici';

export const connectTimeoutMs = 10_000;
/** Of an answer that is read; a longer one counts as no answer. */
export const maxAnswerBytes = 1024 * 1024;

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** From the first byte that is sent to the last that is received. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** What the other side asked for. */
  readonly retryAfterMs: number | null;
}

export const isSuccess = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300;

/** `unreachable` is for people, and holds neither body nor headers. */
export type HttpOutcome = HttpAnswer | { readonly unreachable: string };

/** Disposing of it closes its connections. */
export interface HttpClient extends AsyncDisposable {
  /** Never rejects. */
  send(call: HttpCall): Promise<HttpOutcome>;
}

/** `ca`: PEM, in the place of the certificates that the system trusts. */
export function openHttpClient(ca: string | null = null): HttpClient {
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs, ...(ca === null ? {} : { ca }) },
    allowH2: false,
    maxResponseSize: maxAnswerBytes,
  });
  return {
    send: (call) => sendOnce(agent, call),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function sendOnce(agent: Dispatcher, call: HttpCall): Promise<HttpOutcome> {
  const deadline = AbortSignal.timeout(call.timeoutMs);
  try {
    const response = await agent.request({
      origin: call.url.origin,
      path: `${call.url.pathname}${call.url.search}`,
      method: call.method,
      headers: { ...call.headers },
      ...(call.body === undefined ? {} : { body: call.body }),
      headersTimeout: call.timeoutMs,
      bodyTimeout: call.timeoutMs,
      signal: call.signal ? AbortSignal.any([call.signal, deadline]) : deadline,
    });
    const body = await response.body.text();
    const retryAfter = response.headers['retry-after'];
    return { status: response.statusCode, body, retryAfterMs: secondsIn(retryAfter) };
  } catch (error) {
    if (call.signal?.aborted) return { unreachable: 'given up: the work was stopped' };
    return {
      unreachable: deadline.aborted ? `no answer within ${call.timeoutMs / 1000} s` : reasonOf(error),
    };
  }
}

function secondsIn(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
