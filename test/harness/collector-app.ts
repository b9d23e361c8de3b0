/** The collector's app on a real store in a directory of its own, called without a socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApp } from '@holdfast/collector/app';
import { NodeQuota } from '@holdfast/collector/core/node-quota';
import { loadConfig } from '@holdfast/collector/load-config';
import { kubernetesTokens, type NodeTokens } from '@holdfast/collector/kubernetes/node-tokens';
import { createLog } from '@holdfast/collector/log';
import { CollectorMetrics } from '@holdfast/collector/outputs/collector-metrics';
import { Liveness } from '@holdfast/collector/routes/liveness';
import { startTelling, type TellingLimits } from '@holdfast/collector/start-telling';
import { openSqliteStore } from '@holdfast/collector/store/sqlite-store';
import type { Store } from '@holdfast/collector/store/store';
import type { Report } from '@holdfast/shared/wire';
import { agentToken, operatorToken } from './process.ts';
import type { SyntheticNode } from './synthetic-fleet.ts';

type App = ReturnType<typeof buildApp>;
type Method = 'GET' | 'POST' | 'DELETE' | 'PUT' | 'HEAD';

export interface AppCall {
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON; text as it is. */
  readonly body?: object | string | Buffer;
}

export interface AppReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Null if the answer is not JSON. */
  readonly json: ReturnType<typeof JSON.parse>;
}

export class CollectorApp implements AsyncDisposable {
  readonly app: App;
  readonly store: Store;
  readonly logged: readonly string[];
  /** The collector's clock; tests move it. */
  now = Date.parse('2026-03-01T12:00:00.000Z');
  readonly stopping = new AbortController();
  readonly directory: string;
  /** Tells Loki, the webhook and the Pushgateway of nodes, where the environment names them, until it is disposed of. */
  readonly startTelling: (limits: TellingLimits) => Promise<AsyncDisposable>;
  readonly #nodeTokens: NodeTokens | null;

  /** `directory`: what lies there already is taken up, and removed in the end. Default: a new one. */
  static async open(
    environment: Readonly<Record<string, string>> = {},
    directory?: string,
  ): Promise<CollectorApp> {
    directory ??= await mkdtemp(join(tmpdir(), 'holdfast-app-'));
    return new CollectorApp(directory, await openSqliteStore({ dataDir: directory }), environment);
  }

  private constructor(directory: string, store: Store, environment: Readonly<Record<string, string>>) {
    const lines: string[] = [];
    this.directory = directory;
    this.store = store;
    this.logged = lines;
    const config = loadConfig({
      environment: {
        HOLDFAST_OPERATOR_TOKEN: operatorToken,
        HOLDFAST_AGENT_TOKEN: agentToken,
        HOLDFAST_DATA_DIR: directory,
        ...environment,
      },
      flags: {},
      configFile: null,
    });
    const log = createLog('debug', { write: (line) => void lines.push(line) });
    const clock = () => this.now;
    this.#nodeTokens = config.kubernetes && kubernetesTokens(config.kubernetes, { log, clock });
    const metrics = new CollectorMetrics();
    const liveness = new Liveness(clock);
    const quota = new NodeQuota(config.nodeLimits);
    this.app = buildApp({
      store,
      config,
      log,
      clock,
      metrics,
      liveness,
      quota,
      nodeTokens: this.#nodeTokens,
      monotonic: clock,
      stopping: this.stopping.signal,
    });
    const telling = { store, metrics: metrics.deliveries, log, clock, liveness, quota };
    this.startTelling = (limits) => startTelling(config, { ...telling, limits });
  }

  async call(
    method: Method,
    url: string,
    { token = operatorToken, headers, body }: AppCall = {},
  ): Promise<AppReply> {
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    const response = await this.app.inject({
      method,
      url,
      headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { payload: isRaw ? body : JSON.stringify(body) }),
    });
    const isJson = /^application\/(?:problem\+)?json/.test(response.headers['content-type'] ?? '');
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      json: isJson ? JSON.parse(response.body) : null,
    };
  }

  report(
    node: string,
    report: Report | string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<AppReply> {
    return this.call('POST', `/api/v1/nodes/${node}/reports`, { token: agentToken, headers, body: report });
  }

  /** Sends a report of `node` that must be taken. */
  async taken(node: SyntheticNode, report: Report): Promise<void> {
    const reply = await this.report(node.name, report);
    if (reply.status !== 200) throw new Error(`the report was refused: ${reply.text}`);
    node.base = reply.json.observed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping.abort();
    await this.app.close();
    await this.#nodeTokens?.[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}
