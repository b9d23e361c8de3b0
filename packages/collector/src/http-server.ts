/** The server under the app: plain or TLS, with limits of time and number. */
import { readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { FastifyServerFactory } from 'fastify';
import type { Logger } from 'pino';
import type { CollectorConfig } from './config.ts';

export interface HttpLimits {
  /** For the headers of one request, and for the first byte of a connection. */
  readonly headersMs: number;
  /** For a whole request: 32 MiB over a slow line. */
  readonly requestMs: number;
  /** How often the two above are looked at. */
  readonly checkMs: number;
  /** Longer than the pause between two heartbeats, so that agents keep their connections. */
  readonly keepAliveMs: number;
  readonly tlsHandshakeMs: number;
  /** Two a node for 10,000 nodes, one for reports and one for the long poll, and room for people and Prometheus. */
  readonly connections: number;
  readonly certificateCheckMs: number;
}

export const httpLimits: HttpLimits = {
  headersMs: 15_000,
  requestMs: 120_000,
  checkMs: 5000,
  keepAliveMs: 90_000,
  tlsHandshakeMs: 10_000,
  connections: 22_000,
  certificateCheckMs: 10_000,
};

export interface HttpServer extends Disposable {
  readonly factory: FastifyServerFactory;
}

/** Throws if certificate or key cannot be read or do not belong together. */
export async function prepareServer(
  tls: CollectorConfig['tls'],
  log: Logger,
  limits: HttpLimits = httpLimits,
): Promise<HttpServer> {
  const options = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
  };
  const bounded = <S extends Pick<Server, 'maxConnections'>>(server: S): S =>
    Object.assign(server, { maxConnections: limits.connections });
  if (tls === null) {
    return { factory: (handler) => bounded(createServer(options, handler)), [Symbol.dispose]: () => {} };
  }
  let loaded = await loadCertificate(tls);
  const server = createTlsServer({
    ...options,
    cert: loaded.cert,
    key: loaded.key,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.tlsHandshakeMs,
  });
  const check = async () => {
    if ((await markOf(tls)) === loaded.mark) return;
    const changed = await loadCertificate(tls);
    server.setSecureContext({ cert: changed.cert, key: changed.key, minVersion: 'TLSv1.2' });
    loaded = changed;
    log.info('took the new certificate');
  };
  const timer = setInterval(() => {
    check().catch((error: unknown) => log.warn({ err: error }, 'the certificate could not be read again'));
  }, limits.certificateCheckMs);
  return {
    factory: (handler) => bounded(server.on('request', handler)),
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
