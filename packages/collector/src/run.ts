/** A whole collector: store, HTTP, retention. Can be started several times in one process, on directories of their own. */
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { ServiceState } from '@holdfast/shared/service-manager';
import { CollectorMetrics } from '#outputs/collector-metrics';
import { isInForce } from '#core/auth';
import { NodeQuota } from '#core/node-quota';
import type { Millis } from '#core/node-state';
import { kubernetesTokens } from '#kubernetes/node-tokens';
import { Liveness } from '#routes/liveness';
import type { App } from '#routes/route';
import { openSqliteStore } from '#store/sqlite-store';
import { buildApp } from './app.ts';
import { checkAudit } from './check-audit.ts';
import { type CollectorConfig, listenProblem } from './config.ts';
import { prepareServer } from './http-server.ts';
import { keepBackups } from './daily-backup.ts';
import { startSweeping } from './start-sweeping.ts';
import { startTelling } from './start-telling.ts';
import { keepTidy } from './retention.ts';
import { watchStorage } from './watch-storage.ts';

/** How long a request that has begun may take once the collector is told to stop. */
const stopTimeoutMs = 10_000;

export interface CollectorParts {
  readonly log: Logger;
  /** What children of a sweep may see a part of. Default: nothing. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: () => Millis;
  /** What runs `holdfast-collector`: a program, and the arguments that come before the command. For what is done apart. */
  readonly self: readonly [string, ...string[]];
}

/** Disposing of it stops it: no new requests, long polls end, what was begun is finished, the store is closed. */
export interface Collector extends AsyncDisposable {
  /** Where it listens, as in `http://127.0.0.1:9477`. */
  readonly url: string;
  /** Asks itself whether it can take reports and keep them. Does not end while it hangs. */
  check(): Promise<ServiceState>;
}

/** Resolves when it listens. Throws if the configuration, the directory or the port does not allow that. */
export async function startCollector(config: CollectorConfig, parts: CollectorParts): Promise<Collector> {
  const { log, clock = Date.now } = parts;
  await using opened = new AsyncDisposableStack();
  const store = opened.use(
    await openSqliteStore({
      dataDir: config.dataDir,
      onCheckpointFailure: (err) =>
        log.warn({ err }, 'the thread that checkpoints the database is gone; commits do it, and take longer'),
    }),
  );
  const tokens = (await store.tokens()).filter((token) => isInForce(token, clock()));
  const problem = listenProblem(config, tokens.length > 0);
  if (problem !== null) throw new Error(problem);
  opened.use(keepTidy(store, config, { log, clock }));

  const server = opened.use(await prepareServer(config.tls, log));
  const nodeTokens = config.kubernetes && opened.use(kubernetesTokens(config.kubernetes, { log, clock }));
  const stopping = new AbortController();
  const metrics = new CollectorMetrics();
  metrics.measureProcess();
  const { dataDir, space } = config;
  const storage = opened.use(
    await watchStorage({ dataDir, minFreeBytes: space.minFreeBytes, store, metrics: metrics.storage, log }),
  );
  opened.use(await keepBackups(config, { log, clock, metrics: metrics.storage, self: parts.self }));
  const liveness = new Liveness();
  const quota = new NodeQuota(config.nodeLimits);
  opened.use(await startTelling(config, { store, metrics: metrics.deliveries, log, clock, liveness, quota }));
  const { environment = {} } = parts;
  const sweeping = opened.use(await startSweeping(config, { environment, log, clock, store, metrics }));
  const app = buildApp({
    store,
    config,
    log,
    clock,
    stopping: stopping.signal,
    nodeTokens,
    metrics,
    liveness,
    quota,
    sweeping,
    storage,
    serverFactory: server.factory,
  });
  opened.defer(() => closeApp(app, stopping));
  const listenTextResolver = (address: string) =>
    `listening at ${config.tls ? address.replace(/^http:/, 'https:') : address}`; // of our own server Fastify knows no scheme
  await app.listen({ ...config.listen, backlog: 4096, listenTextResolver }).catch((error: unknown) => {
    throw listenError(config.listen, error);
  });
  const url = urlOf(config, app.server.address() as AddressInfo);
  void checkAudit(store, log, stopping.signal);
  if (config.tokens.operator === null && !tokens.some(({ role }) => role === 'operator')) {
    log.warn(
      'no operator token exists: create one with "holdfast-collector token create --role operator --name NAME"',
    );
  }
  const parted = opened.move();
  let stopped: Promise<void> | undefined;
  return {
    url,
    check: () => checkApp(app),
    [Symbol.asyncDispose]: () => (stopped ??= parted.disposeAsync()),
  };
}

/** A disk that is full is no better after a restart: whoever answers is alive. */
async function checkApp(app: App): Promise<ServiceState> {
  const { statusCode } = await app.inject({ url: '/readyz' });
  return { isAlive: true, status: statusCode === 200 ? 'ready' : 'cannot keep reports at present' };
}

async function closeApp(app: App, stopping: AbortController): Promise<void> {
  stopping.abort();
  const deadline = setTimeout(() => app.server.closeAllConnections(), stopTimeoutMs);
  try {
    await app.close();
  } finally {
    clearTimeout(deadline);
  }
}

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'no address is known for that name',
  EACCES: 'this user may not use that port (below 1024 it takes root, or CAP_NET_BIND_SERVICE)',
};

function listenError({ host, port }: CollectorConfig['listen'], error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const problem = listenProblems[code];
  if (problem === undefined) return error;
  return new Error(`HOLDFAST_LISTEN: ${problem} (${code}; got "${host}:${port}")`, { cause: error });
}

function urlOf({ tls }: CollectorConfig, { address, family, port }: AddressInfo): string {
  return `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
