/** Nodes as they lie in the database. What every report changes is in a table of its own, `heartbeat`. */
import type { Database } from 'better-sqlite3';
import type { Command } from '@holdfast/shared/wire';
import type { BaselineRecord, Millis, NodeState } from '#core/node-state';
import type { AideNodeRows } from '#store/aide/node-rows';
import { baselineRows } from '#store/baseline-rows';
import { commandRows } from '#store/command-rows';
import type { ManifestHead, ManifestRows } from '#store/manifest-rows';

/** A node as it is kept in memory. Immutable; succeeded by another one at each write. */
export interface NodeRecord {
  readonly id: number;
  readonly state: NodeState;
  readonly observed: ManifestHead | null;
  readonly baseline: ManifestHead | null;
  readonly drift: DriftCounts;
  readonly unknownPaths: number;
  /** Commands that wait. */
  readonly commands: readonly Command[];
}

export interface DriftCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly oldestAt: Millis | null;
}

export const noDrift: DriftCounts = { added: 0, removed: 0, changed: 0, oldestAt: null };

interface NodeRow {
  readonly id: number;
  readonly name: string;
  readonly first_seen_at: number;
  readonly deleted_at: number | null;
  readonly instance: string;
  readonly retired: string;
  readonly refused_instance: string | null;
  readonly agent: string;
  readonly health: string;
  readonly reimaged_at: number | null;
  readonly observed: number | null;
  readonly blind_spots: string;
  readonly journal: string;
  readonly events_stored: number;
  readonly events_dropped: number;
  readonly baseline: number | null;
  readonly pending_because: string | null;
  readonly reviewed_at: number | null;
  readonly reviewed_by: string | null;
  readonly drift_added: number;
  readonly drift_removed: number;
  readonly drift_changed: number;
  readonly oldest_drift_at: number | null;
  readonly unknown_paths: number;
}

interface HeartbeatRow {
  readonly sequence: number;
  readonly at: number;
  readonly observed_at: number | null;
  readonly clock: string;
  readonly scans: string;
}

const nodeColumns = [
  'name',
  'first_seen_at',
  'deleted_at',
  'instance',
  'retired',
  'refused_instance',
  'agent',
  'health',
  'reimaged_at',
  'observed',
  'blind_spots',
  'journal',
  'events_stored',
  'events_dropped',
  'baseline',
  'pending_because',
  'reviewed_at',
  'reviewed_by',
  'drift_added',
  'drift_removed',
  'drift_changed',
  'oldest_drift_at',
  'unknown_paths',
] as const satisfies readonly (keyof NodeRow)[];

export type NodeRows = ReturnType<typeof nodeRows>;

export function nodeRows(db: Database, manifests: ManifestRows, aide: AideNodeRows) {
  const baselines = baselineRows(db);
  const commands = commandRows(db);
  /** Each heartbeat asks whether the row differs from the one before: made once, not twice. */
  const rows = new WeakMap<NodeRecord, NodeColumns>();
  const sql = {
    all: db.prepare<[], NodeRow & HeartbeatRow>(
      `SELECT node.*, heartbeat.sequence, heartbeat.at, heartbeat.observed_at,
         heartbeat.clock, heartbeat.scans
       FROM node JOIN heartbeat ON heartbeat.node = node.id`,
    ),
    add: db.prepare(
      `INSERT INTO node (${nodeColumns.join(', ')}) VALUES (${nodeColumns.map((column) => `@${column}`).join(', ')})`,
    ),
    update: db.prepare(
      `UPDATE node SET ${nodeColumns.map((column) => `${column} = @${column}`).join(', ')} WHERE id = @id`,
    ),
    beat: db.prepare(
      `INSERT INTO heartbeat (node, sequence, at, observed_at, clock, scans) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET sequence = excluded.sequence, at = excluded.at,
         observed_at = excluded.observed_at, clock = excluded.clock, scans = excluded.scans`,
    ),
    isLost: db.prepare<[string], number>('SELECT 1 FROM lost_node WHERE name = ?').pluck(),
  };

  return {
    all(): NodeRecord[] {
      return sql.all.all().map((row) => {
        const baseline = row.baseline === null ? null : baselines.get(row.id, row.baseline);
        return { ...toRecord(row, baseline, manifests, aide), commands: commands.list(row.id) };
      });
    },
    /** Whether a restored backup had no baseline of a node that the collector knew. */
    isLost: (name: string): boolean => sql.isLost.get(name) !== undefined,
    add(record: NodeContent): number {
      return Number(sql.add.run(toRow(record)).lastInsertRowid);
    },
    /** Writes what differs from `before`. */
    update(before: NodeRecord | null, record: NodeRecord): void {
      const row = toRow(record);
      const rowBefore = before && (rows.get(before) ?? toRow(before));
      if (!rowBefore || !isSameRow(rowBefore, row)) sql.update.run({ ...row, id: record.id });
      rows.set(record, row);
      const { sequence, lastReportAt, observedAt, agent, scans } = record.state;
      sql.beat.run(record.id, sequence, lastReportAt, observedAt, agent.clock, JSON.stringify(scans));
    },
  };
}

type NodeColumns = Omit<NodeRow, 'id'>;
type NodeContent = Omit<NodeRecord, 'id' | 'commands'>;

function toRow({ state, observed, drift, unknownPaths }: NodeContent): NodeColumns {
  const { clock: _, ...agent } = state.agent;
  return {
    name: state.name,
    first_seen_at: state.firstSeenAt,
    deleted_at: state.deletedAt,
    instance: state.instance,
    retired: JSON.stringify(state.retired),
    refused_instance: state.refusedInstance,
    agent: JSON.stringify(agent),
    health: JSON.stringify(state.health),
    reimaged_at: state.reimagedAt,
    observed: observed?.id ?? null,
    blind_spots: JSON.stringify(state.blindSpots),
    journal: state.journal,
    events_stored: state.eventsStored,
    events_dropped: state.eventsDropped,
    baseline: state.baseline?.sequence ?? null,
    pending_because: state.pendingBecause,
    reviewed_at: state.review?.at ?? null,
    reviewed_by: state.review?.by ?? null,
    drift_added: drift.added,
    drift_removed: drift.removed,
    drift_changed: drift.changed,
    oldest_drift_at: drift.oldestAt,
    unknown_paths: unknownPaths,
  };
}

function isSameRow(a: NodeColumns, b: NodeColumns): boolean {
  return nodeColumns.every((column) => a[column] === b[column]);
}

function toRecord(
  row: NodeRow & HeartbeatRow,
  baseline: { readonly record: BaselineRecord; readonly manifest: number } | null,
  manifests: ManifestRows,
  aide: AideNodeRows,
): Omit<NodeRecord, 'commands'> {
  const observed = row.observed === null ? null : manifests.headById(row.observed);
  return {
    id: row.id,
    state: {
      name: row.name,
      firstSeenAt: row.first_seen_at,
      deletedAt: row.deleted_at,
      instance: row.instance,
      sequence: row.sequence,
      lastReportAt: row.at,
      observedAt: row.observed_at,
      retired: JSON.parse(row.retired) as NodeState['retired'],
      refusedInstance: row.refused_instance,
      agent: { ...(JSON.parse(row.agent) as NodeState['agent']), clock: row.clock },
      health: JSON.parse(row.health) as NodeState['health'],
      reimagedAt: row.reimaged_at,
      observed: observed?.digest ?? null,
      blindSpots: JSON.parse(row.blind_spots) as NodeState['blindSpots'],
      scans: JSON.parse(row.scans) as NodeState['scans'],
      journal: row.journal,
      eventsStored: row.events_stored,
      eventsDropped: row.events_dropped,
      baseline: baseline?.record ?? null,
      pendingBecause: row.pending_because,
      aide: aide.state(row.id),
      review: row.reviewed_at === null ? null : { at: row.reviewed_at, by: row.reviewed_by ?? '' },
    },
    observed,
    baseline: baseline && manifests.headById(baseline.manifest),
    drift: {
      added: row.drift_added,
      removed: row.drift_removed,
      changed: row.drift_changed,
      oldestAt: row.oldest_drift_at,
    },
    unknownPaths: row.unknown_paths,
  };
}
