/** One report, from what is there at this moment. */
import type { Manifest } from '@holdfast/shared/manifest';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { BlindSpot } from '@holdfast/shared/visibility';
import {
  type AgentFacts,
  type AgentHealth,
  type BucketContent,
  protocolVersion,
  type Report,
  type ScanResult,
} from '@holdfast/shared/wire';
import type { AideReport } from '@holdfast/shared/wire-aide';
import type { OutboxBatch } from '#core/outbox';
import type { Plan } from '#core/sync-state';

export interface ReportInput {
  readonly instance: string;
  readonly sequence: number;
  readonly agent: AgentFacts;
  readonly health: AgentHealth;
  readonly scope: ScopeMatcher;
  /** Whether the scope document goes along. */
  readonly withScope: boolean;
  readonly manifest: Manifest | null;
  readonly blindSpots: readonly BlindSpot[];
  readonly scans: readonly ScanResult[];
  readonly plan: Plan;
  /** Paths that may differ from what the collector acknowledged; used by a `delta`. */
  readonly dirty: Iterable<string>;
  readonly batch: OutboxBatch;
  readonly commandsDone: readonly number[];
  /** Null: there is nothing to tell, or nobody who would understand it. */
  readonly aide: AideReport | null;
}

export function buildReport(input: ReportInput): Report {
  const { manifest, plan, scope } = input;
  return {
    protocol: protocolVersion,
    instance: input.instance,
    sequence: input.sequence,
    agent: input.agent,
    health: input.health,
    scope: input.withScope ? { digest: scope.digest, document: scope.scope } : { digest: scope.digest },
    ...changesOf(plan, manifest, input.dirty),
    blindSpots: [...input.blindSpots],
    entries: manifest?.size ?? 0,
    scans: [...input.scans],
    journal: input.batch.journal,
    events: [...input.batch.events],
    commandsDone: [...input.commandsDone],
    ...(input.aide === null ? {} : { aide: input.aide }),
  };
}

type Changes = Pick<Report, 'base' | 'result' | 'upserts' | 'removed' | 'buckets'>;

function changesOf(plan: Plan, manifest: Manifest | null, dirty: Iterable<string>): Changes {
  const none = { upserts: [], removed: [], buckets: [] };
  if (plan.kind === 'starting' || !manifest) return { base: null, result: null, ...none };
  const { base } = plan;
  const result = manifest.digest();
  switch (plan.kind) {
    case 'probe':
      return { base, result, ...none };
    case 'delta':
      return { base, result, ...deltaOf(manifest, dirty), buckets: [] };
    case 'buckets':
      return { base, result, ...none, buckets: plan.indexes.map((index) => bucketOf(manifest, index)) };
  }
}

function deltaOf(manifest: Manifest, dirty: Iterable<string>): Pick<Report, 'upserts' | 'removed'> {
  const upserts: Report['upserts'] = [];
  const removed: Report['removed'] = [];
  for (const path of dirty) {
    const entry = manifest.get(path);
    if (entry) upserts.push(entry);
    else removed.push(path);
  }
  return { upserts, removed };
}

function bucketOf(manifest: Manifest, index: number): BucketContent {
  return { index, entries: [...(manifest.buckets()[index]?.entries().values() ?? [])] };
}
