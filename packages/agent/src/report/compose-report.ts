/** Gathers what one report is made of. */
import type { Manifest } from '@holdfast/shared/manifest';
import type { AgentFacts, Report } from '@holdfast/shared/wire';
import { buildReport } from '#core/build-report';
import type { Observation } from '#core/observation';
import type { Outbox, OutboxBatch } from '#core/outbox';
import { planReport, type SyncState } from '#core/sync-state';
import type { AideEngine } from '../aide/aide-engine.ts';
import { runInSlices } from '../observe/run-in-slices.ts';

/** Beyond about this much, events wait for the next report. */
export const maxReportEventBytes = 8 * 1024 * 1024;
/** How often the events are read again because more came while they were read. */
const maxRereads = 3;

export interface ReportSource {
  /** 32 lower-case hex digits, new at each start. */
  readonly instance: string;
  readonly observation: Observation;
  readonly outbox: Outbox;
  /** Null: this agent has no AIDE engine. */
  readonly aide: AideEngine | null;
  readonly facts: Omit<AgentFacts, 'clock'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** The oldest events, and if possible up to the newest change. `changesSeen` counts the changes. */
export async function readEvents(
  outbox: Outbox,
  maxEvents: number,
  changesSeen: () => number,
): Promise<OutboxBatch> {
  for (let i = 0; ; i++) {
    const before = changesSeen();
    const batch = await outbox.read({ maxEvents, maxBytes: maxReportEventBytes });
    if (before === changesSeen() || i === maxRereads) return batch;
  }
}

/** Computes the digests of buckets that changed, with pauses: what changes meanwhile is little for {@link composeReport}. */
export async function digestAhead(manifest: Manifest | null, signal: AbortSignal): Promise<void> {
  if (manifest) await runInSlices(digests(manifest), signal, () => {});
}

function* digests(manifest: Manifest): Generator<void> {
  for (const bucket of manifest.buckets()) {
    void bucket.digest;
    yield;
  }
}

/** Runs without a pause, so that changes, digest and dirty paths are of one moment. */
export function composeReport(
  source: ReportSource,
  sync: SyncState,
  parts: {
    readonly sequence: number;
    readonly dirty: ReadonlySet<string>;
    readonly batch: OutboxBatch;
    readonly commandsDone: readonly number[];
  },
): Report {
  const { instance, observation, outbox, facts, clock, aide } = source;
  const { manifest, scope, blindSpots } = observation;
  const scans = aide?.scan ? [...observation.scans, aide.scan] : observation.scans;
  return buildReport({
    ...parts,
    instance,
    agent: { ...facts, clock: new Date(clock()).toISOString() },
    health: {
      phase: manifest ? 'watching' : 'starting',
      watchDegraded: observation.watchDegraded,
      outboxDegraded: outbox.degraded,
      eventsDropped: outbox.dropped,
    },
    scope,
    withScope: !sync.isScopeKnown,
    manifest,
    blindSpots,
    scans,
    aide: aide?.toTell ?? null,
    plan: planReport(sync, manifest),
  });
}
