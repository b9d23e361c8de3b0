/**
 * The agent's way to the collector: one origin, kept connections, a deadline on everything. Nothing here throws for
 * what a network, a proxy or a collector can do; see core/collector-outcome.ts for what may come of a request.
 */
import type { Report } from '@holdfast/shared/wire';
import { Agent, type buildConnector, type Dispatcher } from 'undici';
import {
  type CommandsOutcome,
  commandsOutcome,
  type HttpAnswer,
  type ReportOutcome,
  reportOutcome,
  type Unavailable,
} from '#core/collector-outcome';
import { collectorConnector } from '#io/connect';
import { type Encoding, encodings, type PackedBody, packBody } from '#io/pack-body';
import { TokenError, type TokenOptions, tokenSource } from '#io/token-source';

export const maxAnswerBytes = 1024 * 1024;
export const connectTimeoutMs = 10_000;
/** From the first byte that is sent to the last that is received; a first report may be tens of megabytes. */
export const reportTimeoutMs = 120_000;
export const exchangeTimeoutMs = 30_000;
/** The collector answers a long poll after 55 s at the latest. */
export const commandsTimeoutMs = 70_000;

export interface CollectorClientOptions {
  /** Origin, and the path below which the collector is found, if any. */
  readonly url: string;
  readonly node: string;
  readonly token: TokenOptions;
  /** PEM; in the place of the system's store. Read again when it changes. */
  readonly caFile?: string | undefined;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly timeouts?: { readonly reportMs?: number; readonly commandsMs?: number };
}

export interface CollectorClient {
  /** Makes the request's body, to be sent as often as it takes. */
  pack(report: Report): Promise<PackedBody>;
  /** Rejects only when `signal` is aborted. */
  send(body: PackedBody, signal: AbortSignal): Promise<ReportOutcome>;
  /** A long poll. Rejects only when `signal` is aborted. */
  commands(signal: AbortSignal): Promise<CommandsOutcome>;
  /** One request below the node's own path. Rejects only when `signal` is aborted. */
  exchange(request: NodeRequest, signal: AbortSignal): Promise<HttpAnswer | Unavailable>;
}

export interface NodeRequest {
  readonly method: 'GET' | 'PUT';
  /** As in `/contents`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

/** Rejects if the CA file cannot be read, or with TokenError if the token cannot be one. */
export async function openCollectorClient(
  options: CollectorClientOptions,
): Promise<CollectorClient & AsyncDisposable> {
  return new HttpCollectorClient(options, await collectorConnector(options.caFile, connectTimeoutMs));
}

class HttpCollectorClient implements CollectorClient, AsyncDisposable {
  readonly #agent: Agent;
  readonly #origin: string;
  readonly #path: string;
  readonly #token: () => Promise<string>;
  readonly #clock: () => number;
  readonly #reportMs: number;
  readonly #commandsMs: number;
  #encoding: Encoding = 'zstd';

  constructor(options: CollectorClientOptions, connect: buildConnector.connector) {
    const url = new URL(options.url);
    this.#origin = url.origin;
    this.#path = `${url.pathname.replace(/\/+$/, '')}/api/v1/nodes/${encodeURIComponent(options.node)}`;
    this.#token = tokenSource(options.token);
    this.#clock = options.clock;
    this.#reportMs = options.timeouts?.reportMs ?? reportTimeoutMs;
    this.#commandsMs = options.timeouts?.commandsMs ?? commandsTimeoutMs;
    this.#agent = new Agent({
      connect,
      connections: 3, // a report, the long poll, and what is told beside them
      maxResponseSize: maxAnswerBytes,
    });
  }

  pack(report: Report): Promise<PackedBody> {
    return packBody(report, this.#encoding);
  }

  async send(body: PackedBody, signal: AbortSignal): Promise<ReportOutcome> {
    const headers = {
      'content-type': 'application/json',
      ...(body.encoding === 'identity' ? {} : { 'content-encoding': body.encoding }),
    };
    const request = { method: 'POST', path: `${this.#path}/reports`, headers, body: body.bytes } as const;
    const answer = await this.#request(request, this.#reportMs, signal);
    if ('kind' in answer) return answer;
    if (answer.status === 415) this.#encoding = encodings[encodings.indexOf(body.encoding) + 1] ?? 'identity';
    return reportOutcome(answer, this.#clock());
  }

  async commands(signal: AbortSignal): Promise<CommandsOutcome> {
    const request = { method: 'GET', path: `${this.#path}/commands` } as const;
    const answer = await this.#request(request, this.#commandsMs, signal);
    return 'kind' in answer ? answer : commandsOutcome(answer, this.#clock());
  }

  exchange(request: NodeRequest, signal: AbortSignal): Promise<HttpAnswer | Unavailable> {
    const { method, path, contentType, body } = request;
    const headers = { 'content-type': contentType };
    return this.#request({ method, path: `${this.#path}${path}`, headers, body }, exchangeTimeoutMs, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #request(
    options: Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'body'> & {
      headers?: Record<string, string>;
    },
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<HttpAnswer | Unavailable> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const response = await this.#agent.request({
        ...options,
        origin: this.#origin, // never another: redirects are not followed, so the token stays here
        headers: { ...options.headers, authorization: `Bearer ${await this.#token()}` },
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal: AbortSignal.any([signal, deadline]),
      });
      const retryAfter = response.headers['retry-after'];
      return {
        status: response.statusCode,
        body: await response.body.text(),
        retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
      };
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = deadline.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
      return { kind: 'unavailable', reason, retryAfterMs: null };
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TokenError) return error.message;
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
