/** Every table's statements, prepared once on one connection. */
import type { Database } from 'better-sqlite3';
import { aideDatabaseRows } from '#store/aide/database-rows';
import { acknowledgementRows } from '#store/acknowledgement-rows';
import { auditRows } from '#store/audit-rows';
import { aideListRows } from '#store/aide/list-rows';
import { aideNodeRows } from '#store/aide/node-rows';
import { baselineRows } from '#store/baseline-rows';
import { contentRows } from '#store/content-rows';
import { commandRows } from '#store/command-rows';
import { driftChangeRows } from '#store/drift-change-rows';
import { driftRows } from '#store/drift-rows';
import { historyRows } from '#store/history-rows';
import { jobRows } from '#store/job-rows';
import { manifestRows } from '#store/manifest-rows';
import { nodeRows } from '#store/node-rows';
import { stackRows } from '#store/stack-rows';
import { sweepRows } from '#store/sweep-rows';
import { tokenRows } from '#store/token-rows';
import { unknownRows } from '#store/unknown-rows';
import { windowRows } from '#store/window-rows';

export type Tables = ReturnType<typeof prepareTables>;

export function prepareTables(db: Database) {
  const manifests = manifestRows(db);
  const driftChanges = driftChangeRows(db);
  const aideDatabases = aideDatabaseRows(db);
  const aideLists = aideListRows(db);
  const aide = aideNodeRows(db, aideDatabases, aideLists);
  return {
    manifests,
    nodes: nodeRows(db, manifests, aide),
    baselines: baselineRows(db),
    driftChanges,
    drifts: driftRows(db, driftChanges),
    acknowledgements: acknowledgementRows(db),
    unknown: unknownRows(db),
    history: historyRows(db),
    audit: auditRows(db),
    commands: commandRows(db),
    jobs: jobRows(db),
    windows: windowRows(db),
    contents: contentRows(db),
    tokens: tokenRows(db),
    aideDatabases,
    aideLists,
    aide,
    sweeps: sweepRows(db),
    stacks: stackRows(db),
  };
}
