/** The HTTP side of the collector, put together. Nothing here listens; run.ts does. */
import { randomBytes } from 'node:crypto';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyServerFactory, LogController } from 'fastify';
import { CollectorMetrics } from '#outputs/collector-metrics';
import { NodeQuota } from '#core/node-quota';
import type { Millis } from '#core/node-state';
import type { NodeTokens } from '#kubernetes/node-tokens';
import { getAideDatabase, putAideDatabase } from '#routes/aide-databases';
import { answerClientError } from '#routes/answer-client-error';
import { answerErrors } from '#routes/answer-errors';
import { authenticate } from '#routes/authenticate';
import { acceptFleetRow } from '#routes/accept-fleet-row';
import { acknowledgeDrift } from '#routes/acknowledge-drift';
import { closeWindow } from '#routes/close-window';
import { deleteNode } from '#routes/delete-node';
import { getCommands } from '#routes/get-commands';
import { getDrift } from '#routes/get-drift';
import { getFleetRow } from '#routes/get-fleet-row';
import { getJob } from '#routes/get-job';
import { getManifest } from '#routes/get-manifest';
import { getNode } from '#routes/get-node';
import { health } from '#routes/health';
import { readBodiesAsJson } from '#routes/json-body';
import { jsonLine } from '#routes/json-line';
import { listAudit } from '#routes/list-audit';
import { listBaselines } from '#routes/list-baselines';
import { listEvents } from '#routes/list-events';
import { listFleetDrift } from '#routes/list-fleet-drift';
import { listJobs } from '#routes/list-jobs';
import { listNodes } from '#routes/list-nodes';
import { listOutliers } from '#routes/list-outliers';
import { listWindows } from '#routes/list-windows';
import { Liveness } from '#routes/liveness';
import { metrics } from '#routes/metrics';
import { observeRequests } from '#routes/observe-requests';
import { openWindow } from '#routes/open-window';
import { openApi } from '#routes/openapi';
import { postBaseline } from '#routes/post-baseline';
import { postReports } from '#routes/post-reports';
import { postRescan } from '#routes/post-rescan';
import { postReview } from '#routes/post-review';
import { putContents } from '#routes/put-contents';
import { readmitNode } from '#routes/readmit-node';
import { sendProblem } from '#routes/problem';
import { Readiness } from '#routes/readiness';
import { restoreBaseline } from '#routes/restore-baseline';
import { getSweepHints, putSweepResults } from '#routes/pushed-sweeps';
import type { App, Route, RouteContext, RouteDescription, Sweeping } from '#routes/route';
import { getStack, listStacks } from '#routes/stacks';
import { getSweep, listSweeps, postSweep } from '#routes/sweeps';
import { unacknowledgeDrift } from '#routes/unacknowledge-drift';
import { undoBaseline } from '#routes/undo-baseline';
import { validate } from '#routes/validate';
import type { Store } from '#store/store';
import type { CollectorConfig } from './config.ts';
import { FleetJobs } from './fleet-jobs.ts';
import type { Storage } from './watch-storage.ts';

const routes: readonly Route[] = [
  listNodes,
  getNode,
  getDrift,
  acknowledgeDrift,
  unacknowledgeDrift,
  postReview,
  postBaseline,
  undoBaseline,
  listBaselines,
  restoreBaseline,
  getManifest,
  listEvents,
  postRescan,
  deleteNode,
  readmitNode,
  postReports,
  putContents,
  getCommands,
  putAideDatabase,
  getAideDatabase,
  openWindow,
  listWindows,
  closeWindow,
  listFleetDrift,
  getFleetRow,
  acceptFleetRow,
  listOutliers,
  listJobs,
  getJob,
  listStacks,
  getStack,
  postSweep,
  listSweeps,
  getSweepHints,
  getSweep,
  putSweepResults,
  listAudit,
  health,
  metrics,
];

/** Of a request without a route of its own limit. Reports have theirs, see report-body.ts. */
export const maxBodyBytes = 64 * 1024;
/** Node names have up to 253 characters, names of stacks up to 512. */
const maxParamLength = 600;

export interface AppParts {
  readonly store: Store;
  readonly config: CollectorConfig;
  readonly log: FastifyBaseLogger;
  readonly clock: () => Millis;
  /** Milliseconds from any origin, never going back. Default: `performance.now`. */
  readonly monotonic?: () => number;
  readonly stopping?: AbortSignal;
  readonly nodeTokens?: NodeTokens | null;
  readonly metrics?: CollectorMetrics;
  /** Both default to new ones. */
  readonly liveness?: Liveness;
  readonly quota?: NodeQuota;
  /** Default: none can be started, and nobody is told. */
  readonly sweeping?: Sweeping;
  /** Default: there is always room. */
  readonly storage?: Storage;
  readonly serverFactory?: FastifyServerFactory;
}

export function buildApp(parts: AppParts): App {
  const app: App = Fastify({
    loggerInstance: parts.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIds(),
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false,
    frameworkErrors: (_error, _request, reply) => {
      void sendProblem(reply, 'bad-request', 'The URL is malformed.');
    },
    clientErrorHandler: answerClientError,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength },
    ...(parts.serverFactory ? { serverFactory: parts.serverFactory } : {}),
  }).withTypeProvider<TypeBoxTypeProvider>();
  const { monotonic = () => performance.now() } = parts;
  const jobs = new FleetJobs(parts);
  app.addHook('onReady', async () => jobs.wake());
  app.addHook('onClose', () => jobs[Symbol.asyncDispose]());
  const context: RouteContext = {
    jobs,
    store: parts.store,
    config: parts.config,
    metrics: parts.metrics ?? new CollectorMetrics(),
    clock: parts.clock,
    sweeping: parts.sweeping ?? { start: null, onEnd: () => {} },
    storage: parts.storage ?? { isNearlyFull: false },
    monotonic,
    quota: parts.quota ?? new NodeQuota(parts.config.nodeLimits),
    readiness: new Readiness(parts.store, monotonic),
    nodeTokens: parts.nodeTokens ?? null,
    liveness: parts.liveness ?? new Liveness(monotonic),
    stopping: parts.stopping ?? new AbortController().signal,
  };
  app.setValidatorCompiler(validate);
  app.setReplySerializer(jsonLine);
  readBodiesAsJson(app);
  collectRoutes(app);
  answerErrors(app, context);
  observeRequests(app, context);
  authenticate(app, context);
  for (const route of [...routes, openApi(() => routesOf(app))]) route(app, context);
  return app;
}

/** Unique over restarts, so that a line of an old log is not taken for one of a new. */
function requestIds(): () => string {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  return () => `${prefix}-${(count += 1)}`;
}

const described = new WeakMap<App, RouteDescription[]>();

/** Every route that was registered, as the documentation names it. */
export function routesOf(app: App): readonly RouteDescription[] {
  return described.get(app) ?? [];
}

function collectRoutes(app: App): void {
  const list: RouteDescription[] = [];
  described.set(app, list);
  app.addHook('onRoute', ({ method, url, config, schema = {} }) => {
    const body = schema.body ?? config?.body;
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    for (const each of [method].flat()) {
      if (each !== 'HEAD')
        list.push({ method: each, path, role: config?.role ?? 'open', schema: { ...schema, body } });
    }
  });
}
