/** Rows of the fleet's drift, as the API shows them. */
import * as Type from 'typebox';
import type { FleetRow } from '#core/fleet-rows';
import type { FleetChange, FleetStore } from '#store/fleet-drift';
import { enginesAnswer } from './aide-answer.ts';
import { ProblemError } from './problem.ts';
import { timestamp } from './route.ts';

export const RowId = Type.String({ pattern: '^[0-9a-f]{32}$' });

export interface RowShown {
  readonly nodesAfter: string;
  readonly maxNodes: number;
  readonly maxChanges: number;
}

export async function rowAnswer(fleet: FleetStore, row: FleetRow, shown: RowShown) {
  const nodes = await fleet.nodesOf(row, shown.nodesAfter, shown.maxNodes);
  const changes = await fleet.changesOf(row.changes, shown.maxChanges);
  return {
    row: row.id,
    nodes: row.nodes,
    changes: row.changes.length,
    onNodes: nodes,
    drift: changes.map(changeAnswer),
  };
}

function changeAnswer(found: FleetChange) {
  const { path, change, firstSeenAt } = found;
  return { path, change, ...enginesAnswer(found), firstSeenAt: timestamp(firstSeenAt) };
}

/** Throws the problem `not-found`. */
export async function knownRow(fleet: FleetStore, id: string): Promise<FleetRow> {
  const { rows } = await fleet.view();
  const row = rows.find((each) => each.id === id);
  if (row) return row;
  throw new ProblemError('not-found', 'No such set of changes stands now; look again at /api/v1/drift.');
}
