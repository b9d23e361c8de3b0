/**
 * AIDE's databases at the collector, which keeps them: fetched and stored by digest, streamed, so that their size does
 * not show in the agent's memory. Nothing here throws for what a network or a collector can do.
 */
import type { FileHandle } from 'node:fs/promises';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { Problem } from '@holdfast/shared/wire';
import { maxAideDatabaseBytesUnpacked } from '@holdfast/shared/wire-aide';
import { shapeOf } from '@holdfast/shared/shape';
import { Agent, type buildConnector, type Dispatcher } from 'undici';
import { type CollectorClientOptions, connectTimeoutMs } from '#io/collector-client';
import { collectorConnector } from '#io/connect';
import { TokenError, tokenSource } from '#io/token-source';

export const databaseTimeoutMs = 300_000;

export type DatabaseOutcome =
  | { readonly kind: 'done' }
  /** The collector has no such database. */
  | { readonly kind: 'missing' }
  /** What came is not what a database can be. */
  | { readonly kind: 'altered'; readonly reason: string }
  /** It may work later. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface AideDatabases {
  /** Fills `file`, which is empty. Rejects only when `signal` is aborted, or the file cannot be written. */
  fetch(digest: string, file: FileHandle, signal: AbortSignal): Promise<DatabaseOutcome>;
  /** Sends all of `file`. Rejects only when `signal` is aborted, or the file cannot be read. */
  store(digest: string, file: FileHandle, signal: AbortSignal): Promise<DatabaseOutcome>;
}

export async function openAideDatabases(
  options: CollectorClientOptions,
): Promise<AideDatabases & AsyncDisposable> {
  return new HttpAideDatabases(options, await collectorConnector(options.caFile, connectTimeoutMs));
}

const problemShape = shapeOf(Problem);
const maxProblemCharacters = 64 * 1024;

class HttpAideDatabases implements AideDatabases, AsyncDisposable {
  readonly #agent: Agent;
  readonly #origin: string;
  readonly #path: string;
  readonly #token: () => Promise<string>;
  /** Whether the collector, or a proxy before it, takes zstd. */
  #takesZstd = true;

  constructor(options: CollectorClientOptions, connect: buildConnector.connector) {
    const url = new URL(options.url);
    const node = encodeURIComponent(options.node);
    this.#origin = url.origin;
    this.#path = `${url.pathname.replace(/\/+$/, '')}/api/v1/nodes/${node}/aide/databases`;
    this.#token = tokenSource(options.token);
    this.#agent = new Agent({
      connect,
      connections: 1,
    });
  }

  async fetch(digest: string, file: FileHandle, signal: AbortSignal): Promise<DatabaseOutcome> {
    const headers = { 'accept-encoding': 'zstd, gzip' };
    return await this.#request(
      { method: 'GET', path: `${this.#path}/${digest}`, headers },
      signal,
      async (response) => {
        const encoding = String(response.headers['content-encoding'] ?? 'identity');
        const unpacked = unpackedBody(response.body, encoding);
        if (unpacked === null) return { kind: 'unavailable', reason: `the database comes in ${encoding}` };
        return await fill(file, unpacked);
      },
    );
  }

  async store(digest: string, file: FileHandle, signal: AbortSignal): Promise<DatabaseOutcome> {
    const encoding = this.#takesZstd ? 'zstd' : 'gzip';
    const packer: Transform = this.#takesZstd ? createZstdCompress() : createGzip();
    const packed = pipeline(file.createReadStream({ start: 0, autoClose: false }), packer, { signal });
    packed.catch(() => {}); // ends the body, which the request then tells of
    const headers = { 'content-type': 'text/plain', 'content-encoding': encoding };
    const request = { method: 'PUT', path: `${this.#path}/${digest}`, headers, body: packer } as const;
    const outcome = await this.#request(request, signal, async (response) => {
      await response.body.dump();
      return { kind: 'done' };
    });
    packer.destroy();
    if (!this.#takesZstd || outcome.kind !== 'unavailable' || !outcome.reason.startsWith('415'))
      return outcome;
    this.#takesZstd = false;
    return await this.store(digest, file, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #request(
    options: Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'body'> & {
      headers: Record<string, string>;
    },
    signal: AbortSignal,
    take: (response: Dispatcher.ResponseData) => Promise<DatabaseOutcome>,
  ): Promise<DatabaseOutcome> {
    const deadline = AbortSignal.timeout(databaseTimeoutMs);
    try {
      const response = await this.#agent.request({
        ...options,
        origin: this.#origin, // never another: redirects are not followed, so the token stays here
        headers: { ...options.headers, authorization: `Bearer ${await this.#token()}` },
        headersTimeout: databaseTimeoutMs,
        bodyTimeout: databaseTimeoutMs,
        signal: AbortSignal.any([signal, deadline]),
      });
      const { statusCode } = response;
      if (statusCode >= 200 && statusCode < 300) return await take(response);
      return refusal(statusCode, await shortText(response.body));
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = deadline.aborted ? `no answer within ${databaseTimeoutMs / 1000} s` : reasonOf(error);
      return { kind: 'unavailable', reason };
    }
  }
}

/** A body that breaks off rejects; one that came in full and is not what was packed is altered. */
async function fill(file: FileHandle, unpacked: AsyncIterable<Buffer>): Promise<DatabaseOutcome> {
  let bytes = 0;
  try {
    for await (const piece of unpacked) {
      bytes += piece.length;
      if (bytes > maxAideDatabaseBytesUnpacked) return { kind: 'altered', reason: 'it is too large' };
      await file.write(piece);
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (/^Z(STD)?_/.test(code)) return { kind: 'altered', reason: `it cannot be unpacked: ${message}` };
    throw error;
  }
  return { kind: 'done' };
}

function refusal(status: number, body: string): DatabaseOutcome {
  const problem = parseProblem(body);
  if (problem?.code === 'not-found') return { kind: 'missing' };
  return {
    kind: 'unavailable',
    reason: `${status} ${problem?.code ?? ''} ${problem?.detail ?? ''}`.trimEnd(),
  };
}

function parseProblem(body: string): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    return problemShape.check(value) ? value : null;
  } catch {
    return null;
  }
}

async function shortText(body: Readable): Promise<string> {
  let text = '';
  for await (const piece of body as AsyncIterable<Buffer>) {
    text += piece.toString('utf8');
    if (text.length > maxProblemCharacters) break;
  }
  return text;
}

/** Null: it is in a form that was not asked for. */
function unpackedBody(body: Readable, encoding: string): Readable | null {
  if (encoding === 'identity') return body;
  const unpacker = encoding === 'zstd' ? createZstdDecompress() : encoding === 'gzip' ? createGunzip() : null;
  if (unpacker === null) return null;
  pipeline(body, unpacker).catch(() => {}); // ends the unpacker, which its reader then tells of
  return unpacker;
}

function reasonOf(error: unknown): string {
  if (error instanceof TokenError) return error.message;
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
