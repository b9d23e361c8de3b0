/** The server under the app: plain or TLS, with limits of time and number. */
import { readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { FastifyServerFactory } from 'fastify';
import type { Logger } from 'pino';
import type { CollectorConfig } from './config.ts';

/** For the headers of one request. */
const headersTimeoutMs = 15_000;
/** For a whole request: 32 MiB over a slow line. */
const requestTimeoutMs = 120_000;
/** Longer than the pause between two heartbeats, so that agents keep their connections. */
const keepAliveTimeoutMs = 90_000;
/** Two a node: one for reports, one for the long poll. */
const maxConnections = 20_000;
const certificateCheckMs = 10_000;

export interface HttpServer extends Disposable {
  readonly factory: FastifyServerFactory;
}

/** Throws if certificate or key cannot be read or do not belong together. */
export async function prepareServer(
  tls: CollectorConfig['tls'],
  log: Logger,
  checkEveryMs = certificateCheckMs,
): Promise<HttpServer> {
  if (tls === null) {
    return { factory: (handler) => limited(createServer(handler)), [Symbol.dispose]: () => {} };
  }
  let loaded = await loadCertificate(tls);
  const server = createTlsServer({ cert: loaded.cert, key: loaded.key, minVersion: 'TLSv1.2' });
  const check = async () => {
    if ((await markOf(tls)) === loaded.mark) return;
    const changed = await loadCertificate(tls);
    server.setSecureContext({ cert: changed.cert, key: changed.key, minVersion: 'TLSv1.2' });
    loaded = changed;
    log.info('took the new certificate');
  };
  const timer = setInterval(() => {
    check().catch((error: unknown) => log.warn({ err: error }, 'the certificate could not be read again'));
  }, checkEveryMs);
  return {
    factory: (handler) => limited(server.on('request', handler)),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

type Files = NonNullable<CollectorConfig['tls']>;

async function loadCertificate(files: Files) {
  const mark = await markOf(files);
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)]);
  return { cert, key, mark };
}

/** Differs once either file was written or replaced. */
async function markOf({ certFile, keyFile }: Files): Promise<string> {
  const both = await Promise.all([stat(certFile), stat(keyFile)]);
  return both.map(({ ino, mtimeMs }) => `${ino} ${mtimeMs}`).join(' ');
}

function limited<
  S extends Pick<Server, 'headersTimeout' | 'requestTimeout' | 'keepAliveTimeout' | 'maxConnections'>,
>(server: S): S {
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.maxConnections = maxConnections;
  return server;
}
