/** Puts the agent's health and metrics together from what its parts say of themselves, and serves them. */
import type { AideReport } from '@holdfast/shared/wire-aide';
import type { Observation } from '#core/observation';
import type { Outbox } from '#core/outbox';
import type { AideEngine } from '../aide/aide-engine.ts';
import type { AgentConfig } from '../config.ts';
import type { Log } from '../observe/options.ts';
import type { Reporter } from '../report/reporter.ts';
import { createRegistry, type MetricSource } from './agent-metrics.ts';
import { type AgentStatus, type HealthAnswer, healthAnswer, readyAnswer } from './agent-status.ts';
import { type HealthServer, type Page, startHealthServer } from './health-server.ts';
import type { Tally } from './tally.ts';

export interface HealthParts {
  readonly observation: Observation;
  readonly outbox: Outbox;
  readonly reporter: Pick<Reporter, 'lastAcknowledgedAt' | 'lastError'>;
  readonly tally: Tally;
  readonly aide: Pick<AideEngine, 'report' | 'scan'>;
}

export interface Health extends HealthServer {
  /** What `/healthz` answers. */
  answer(): HealthAnswer;
}

export async function startHealth(
  parts: HealthParts,
  { listen, metadataScanSeconds }: Pick<AgentConfig, 'listen' | 'metadataScanSeconds'>,
  log: Log,
): Promise<Health> {
  const registry = createRegistry(metricSource(parts));
  const answer = () => healthAnswer(statusOf(parts), metadataScanSeconds);
  const pages = new Map<string, () => Page | Promise<Page>>([
    ['/healthz', () => jsonPage(answer())],
    ['/readyz', () => jsonPage(readyAnswer(statusOf(parts)))],
    [
      '/metrics',
      async () => ({ httpStatus: 200, contentType: registry.contentType, text: await registry.metrics() }),
    ],
  ]);
  return Object.assign(await startHealthServer({ listen, log, pages }), { answer });
}

function statusOf({ observation, outbox, reporter, tally, aide }: HealthParts): AgentStatus {
  return {
    entries: observation.manifest?.size ?? null,
    watchDegraded: observation.watchDegraded,
    outboxDegraded: outbox.degraded,
    aideTrouble: troubleOf(aide.report),
    reportFailure: reporter.lastError,
    lastAcknowledgedAt: isoTime(reporter.lastAcknowledgedAt),
    secondsSinceSweep: tally.sweptAt === null ? null : (performance.now() - tally.sweptAt) / 1000,
  };
}

/** Drift is no trouble of the agent, and who switched AIDE off or has none knows it. */
function troubleOf({ status, reason }: AideReport): string | null {
  const isTrouble = ['unknown', 'failed', 'degraded', 'tampered'].includes(status);
  return isTrouble ? `${status}: ${reason ?? ''}` : null;
}

function jsonPage({ httpStatus, body }: { httpStatus: number; body: object }): Page {
  return { httpStatus, contentType: 'application/json', text: `${JSON.stringify(body)}\n` };
}

function metricSource({ observation, outbox, reporter, tally, aide }: HealthParts): MetricSource {
  return {
    tally,
    manifest: () => {
      const { manifest } = observation;
      if (manifest === null) return null;
      const unread = manifest.buckets().reduce((sum, bucket) => sum + bucket.unread, 0);
      return { entries: manifest.size, unread };
    },
    blindSpots: () => observation.blindSpots.length,
    scans: () => (aide.scan ? [...observation.scans, aide.scan] : observation.scans),
    aideStatus: () => aide.report.status,
    watchDegraded: () => observation.watchDegraded !== null,
    outbox: () => ({
      events: outbox.waiting,
      bytes: outbox.bytes,
      dropped: outbox.dropped,
      degraded: outbox.degraded !== null,
    }),
    lastAcknowledged: () => {
      const at = reporter.lastAcknowledgedAt;
      return at === null ? null : at / 1000;
    },
  };
}

function isoTime(millis: number | null): string | null {
  return millis === null ? null : new Date(millis).toISOString();
}
