/** The fleet's drift in rows: made when it is asked for, in short steps, and kept until drift has moved. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { ChangeKind } from '@holdfast/shared/compare';
import { fingerprintBytes } from '#core/drift-fingerprint';
import {
  FleetGrouping,
  type FleetRow,
  type FleetView,
  type NodeKeys,
  type RowChange,
} from '#core/fleet-rows';
import type { DriftContent, Millis, NodeEffects, NodeState } from '#core/node-state';
import { type DriftChangeRow, readChange, standsOnNode, withChange } from '#store/drift-change-rows';
import { reading } from '#store/storage-error';

const driftsPerTurn = 4000;
const nodesPerTurn = 2000;
/** Sorts after whatever may be in the name of a node. */
const afterAllNames = '~';

export interface FleetChange extends DriftContent {
  /** On whichever node came first. */
  readonly firstSeenAt: Millis;
}

export interface FleetStore {
  /** As of the time of the call or later; what moves meanwhile may show as it was or as it is. */
  view(): Promise<FleetView>;
  /** Names of the nodes, sorted; those after `after`, `limit` at most. */
  nodesOf(row: FleetRow, after: string, limit: number): Promise<string[]>;
  /** What the first `limit` of a row's changes are, sorted by path. */
  changesOf(changes: readonly RowChange[], limit: number): Promise<FleetChange[]>;
}

export interface FleetParts {
  /** Grows with every drift that starts, changes or ends, and with every node that leaves or comes back. */
  readonly revision: () => number;
  /** Numbers of the nodes that are not deleted. */
  readonly liveNodes: () => Iterable<number>;
  readonly random32: () => number;
}

export function fleetDrift(db: Database, parts: FleetParts): FleetStore {
  const sql = prepare(db);
  let kept: { readonly revision: number; readonly view: FleetView } | null = null;
  let making: Promise<FleetView> | null = null;

  const make = async (): Promise<FleetView> => {
    const revision = parts.revision();
    const view = await groupAll(sql.after, keysFor(parts));
    kept = { revision, view };
    return view;
  };
  return {
    async view() {
      // One that began before this call may lack what was written before it.
      await making?.catch(() => null);
      if (kept?.revision === parts.revision()) return kept.view;
      making ??= make().finally(() => {
        making = null;
      });
      return making;
    },
    async nodesOf(row, after, limit) {
      const { drift, fingerprint } = row.changes[0]!;
      const bytes = bytesOf(fingerprint);
      if (row.nodes === 1) return reading(() => sql.nodeOf.all(drift, bytes, after));
      const names: string[] = [];
      for (let from = after; ; ) {
        const to = reading(() => sql.nodeAhead.get(from, nodesPerTurn)) ?? afterAllNames;
        names.push(...reading(() => sql.nodesOf.all(from, to, bytes, limit - names.length)));
        if (names.length >= limit || to === afterAllNames) return names;
        from = to;
        await nextTurn();
      }
    },
    async changesOf(changes, limit) {
      const shown: FleetChange[] = [];
      for (const [i, { drift, fingerprint }] of changes.slice(0, limit).entries()) {
        const found = reading(() => sql.changeOf.get(drift, bytesOf(fingerprint)));
        if (found) shown.push(toChange(found));
        if (i % 200 === 199) await nextTurn();
      }
      return shown.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
  };
}

function keysFor({ liveNodes, random32 }: FleetParts): NodeKeys {
  const keys = new Map<number, readonly [number, number, number]>();
  for (const node of liveNodes()) keys.set(node, [random32(), random32(), random32()]);
  return keys;
}

async function groupAll(after: ReturnType<typeof prepare>['after'], keys: NodeKeys): Promise<FleetView> {
  const grouping = new FleetGrouping(keys);
  let last: [number, Buffer] = [0, Buffer.alloc(0)];
  for (;;) {
    const drifts = reading(() => after.all(...last, driftsPerTurn));
    for (const drift of drifts) grouping.add(...drift);
    if (drifts.length < driftsPerTurn) break;
    const [fingerprint, node] = drifts.at(-1)!;
    last = [node, bytesOf(fingerprint)];
    await nextTurn();
  }
  const steps = grouping.finish();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await nextTurn();
  }
}

/** Whether the fleet's drift may be another one afterwards. */
export function movesDrift(before: NodeState | null, { state, drift }: NodeEffects): boolean {
  const { started, altered, ended, endedAll } = drift;
  const isListed = (node: NodeState | null) => node !== null && node.deletedAt === null;
  return (
    started.length + altered.length + ended.length > 0 || !!endedAll || isListed(before) !== isListed(state)
  );
}

interface ChangeRow extends DriftChangeRow {
  readonly path: string;
  readonly change: ChangeKind;
  readonly first_seen_at: number;
}

function prepare(db: Database) {
  return {
    after: db
      .prepare<[number, Buffer, number], [fingerprint: string, node: number, drift: number]>(
        `SELECT lower(hex(fingerprint)), node, id FROM drift INDEXED BY drift_of_node
         WHERE ended_at IS NULL AND (node, fingerprint) > (?, ?) ORDER BY node, fingerprint LIMIT ?`,
      )
      .raw(),
    nodesOf: db
      .prepare<[after: string, to: string, Buffer, limit: number], string>(
        `SELECT name FROM node WHERE name > ? AND name <= ? AND deleted_at IS NULL AND ${standsOnNode}
         ORDER BY name LIMIT ?`,
      )
      .pluck(),
    nodeAhead: db
      .prepare<[after: string, ahead: number], string>(
        'SELECT name FROM node WHERE name > ? ORDER BY name LIMIT 1 OFFSET ?',
      )
      .pluck(),
    nodeOf: db
      .prepare<[drift: number, Buffer, after: string], string>(
        `SELECT name FROM drift JOIN node ON node.id = drift.node
         WHERE drift.id = ? AND fingerprint = ? AND ended_at IS NULL AND deleted_at IS NULL AND name > ?`,
      )
      .pluck(),
    changeOf: db.prepare<[number, Buffer], ChangeRow>(
      `SELECT path, change, attributes, before, after, aide, first_seen_at FROM drift ${withChange}
       WHERE drift.id = ? AND drift.fingerprint = ?`,
    ),
  };
}

function toChange(row: ChangeRow): FleetChange {
  const { path, change, first_seen_at: firstSeenAt } = row;
  return { path, change, ...readChange(row), firstSeenAt };
}

function bytesOf(fingerprint: string): Buffer {
  const bytes = Buffer.from(fingerprint, 'hex');
  if (bytes.length !== fingerprintBytes) throw new Error(`${fingerprint} is no fingerprint`);
  return bytes;
}
