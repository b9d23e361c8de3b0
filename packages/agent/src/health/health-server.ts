/** The agent's own HTTP server: `/healthz`, `/readyz` and `/metrics`, read only. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ListenAddress } from '@holdfast/shared/option-parsers';
import type { Log } from '../observe/options.ts';

export interface Page {
  readonly httpStatus: number;
  readonly contentType: string;
  readonly text: string;
}

/** By path. */
export type Pages = ReadonlyMap<string, () => Page | Promise<Page>>;

export interface HealthServer extends AsyncDisposable {
  /** Null while the address is taken. */
  readonly port: number | null;
}

export interface HealthServerOptions {
  readonly listen: ListenAddress;
  readonly pages: Pages;
  readonly log: Log;
  /** Between two tries to take an address that is not free. */
  readonly retryMs?: number;
}

const defaultRetryMs = 10_000;
const maxConnections = 32;
const requestTimeoutMs = 5000;

/**
 * An address that is taken is no reason to stop watching files: it is told once and tried again until it is free.
 * Resolves after the first try.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { listen, pages, log, retryMs = defaultRetryMs } = options;
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    void answer(pages, request, response, log);
  });
  server.maxConnections = maxConnections;
  const stop = new AbortController();
  let retry: NodeJS.Timeout | undefined;

  const tryToListen = async (attempt: number): Promise<void> => {
    try {
      await listening(server, listen);
      log.info({ host: listen.host, port: portOf(server) }, 'health and metrics are served');
    } catch (err) {
      if (stop.signal.aborted) return;
      if (attempt === 1) log.warn({ err }, 'cannot serve health and metrics; trying again');
      retry = setTimeout(() => void tryToListen(attempt + 1), retryMs);
    }
  };
  await tryToListen(1);
  return {
    get port() {
      return portOf(server);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      clearTimeout(retry);
      if (server.listening) await closed(server);
    },
  };
}

async function answer(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  const page = pages.get((request.url ?? '').split('?', 1)[0] ?? '');
  if (!page) return send(request, response, plain(404, 'there is /healthz, /readyz and /metrics'));
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(request, response, plain(405, 'only GET and HEAD'));
  }
  try {
    send(request, response, await page());
  } catch (err) {
    log.error({ err, url: request.url }, 'a page of the health server failed');
    send(request, response, plain(500, 'the log says why'));
  }
}

function plain(httpStatus: number, text: string): Page {
  return { httpStatus, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, page: Page): void {
  response.writeHead(page.httpStatus, {
    'content-type': page.contentType,
    'content-length': Buffer.byteLength(page.text),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : page.text);
}

async function listening(server: Server, { host, port }: ListenAddress): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening'); // rejects on 'error'
}

/** Null while it does not listen. */
function portOf(server: Server): number | null {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : null;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
