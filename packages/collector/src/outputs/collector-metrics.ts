/** Everything that the collector shows on /metrics. One registry per app, so that several can live in one process. */
import type { ProblemCode } from '@holdfast/shared/problem-codes';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type RefusedTokenReason, refusedTokenReasons } from '#core/auth';
import { version } from '../version.ts';
import { AuditMetrics } from './audit-metrics.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { exposeStacks, type StackSnapshot, stackSeries, sweepSeries } from './stack-metrics.ts';
import { exposeNodes, type FleetSnapshot, nodeSeries } from './node-metrics.ts';
import { StorageMetrics } from './storage-metrics.ts';
import { WindowMetrics } from './window-metrics.ts';

/** What became of a report: taken, or refused with a problem's code. */
export type ReportOutcome = 'taken' | ProblemCode;

const reportOutcomes: readonly ProblemCode[] = [
  'bad-request',
  'invalid-report',
  'unauthenticated',
  'forbidden',
  'base-mismatch',
  'scope-unknown',
  'sequence-passed',
  'instance-conflict',
  'node-deleted',
  'body-too-large',
  'unsupported-encoding',
  'too-many-requests',
  'node-over-quota',
  'too-many-nodes',
  'internal',
  'storage-unavailable',
  'disk-nearly-full',
  'identity-unavailable',
  'shutting-down',
];

/** Seconds. A heartbeat takes milliseconds, a group commit on a slow disk tens of them, a large first report a second. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Gauges of prom-client that are called as if they were counters; those by `type` say the same. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
] as const;

export interface CollectorSnapshot extends FleetSnapshot {
  readonly sweeps: StackSnapshot;
}

export class CollectorMetrics {
  readonly registry = new Registry();
  readonly storage = new StorageMetrics(this.registry);
  readonly deliveries = new DeliveryMetrics(this.registry);
  readonly #audit = new AuditMetrics(this.registry);
  readonly #windows = new WindowMetrics(this.registry);
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #reports: Counter<'outcome'>;
  readonly #refusedTokens: Counter<'reason'>;
  #rendering: Promise<readonly Buffer[]> | null = null;

  constructor() {
    const registers = [this.registry];
    new Gauge({
      name: 'holdfast_build_info',
      help: 'Always 1; the label says which version runs.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    this.#requests = new Histogram({
      name: 'holdfast_http_request_duration_seconds',
      help: 'From the first byte of a request to the last of its answer, by route and class of status.',
      labelNames: ['method', 'route', 'status'],
      buckets: requestBuckets,
      registers,
    });
    this.#reports = new Counter({
      name: 'holdfast_reports_total',
      help: 'Reports that came in, by what became of them: taken, or the code of the problem.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['taken', ...reportOutcomes]) this.#reports.inc({ outcome }, 0);
    this.#refusedTokens = new Counter({
      name: 'holdfast_authentication_failures_total',
      help: 'Tokens that were refused, by why.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of refusedTokenReasons) this.#refusedTokens.inc({ reason }, 0);
  }

  /** From now on, with the series of the process that this runs in. Call it once. */
  measureProcess(): void {
    collectDefaultMetrics({ register: this.registry });
    for (const name of misnamed) this.registry.removeSingleMetric(name);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  countRequest(method: string, route: string, statusCode: number, seconds: number): void {
    this.#requests.observe({ method, route, status: `${Math.floor(statusCode / 100)}xx` }, seconds);
  }

  countRefusedToken(reason: RefusedTokenReason): void {
    this.#refusedTokens.inc({ reason });
  }

  countReport(outcome: ReportOutcome): void {
    this.#reports.inc({ outcome });
  }

  /** Name and labels of every series that is shown. */
  get series(): { readonly name: string; readonly labels: readonly string[] }[] {
    // Only names and labels are read here, which prom-client does not type.
    const own = this.registry.getMetricsAsArray() as unknown as { name: string; labelNames: string[] }[];
    return [
      ...nodeSeries.map(({ name, labels }) => ({ name, labels: ['node', ...labels] })),
      ...stackSeries.map(({ name, labels }) => ({ name, labels: ['stack', ...labels] })),
      ...sweepSeries.map(({ name, labels }) => ({ name, labels })),
      ...own.map(({ name, labelNames }) => ({ name, labels: labelNames })),
    ];
  }

  /** The text of /metrics, in slices. Scrapes that come while one is being made share it. */
  render(takeSnapshot: () => Promise<CollectorSnapshot>): Promise<readonly Buffer[]> {
    this.#rendering ??= this.#render(takeSnapshot).finally(() => {
      this.#rendering = null;
    });
    return this.#rendering;
  }

  async #render(takeSnapshot: () => Promise<CollectorSnapshot>): Promise<readonly Buffer[]> {
    const snapshot = await takeSnapshot();
    this.#audit.show(snapshot.auditHead);
    this.#windows.show(snapshot.openWindows);
    const nodes = await exposeNodes(snapshot);
    const stacks = await exposeStacks(snapshot.sweeps);
    return [...nodes, ...stacks, Buffer.from(await this.registry.metrics())];
  }
}
