/** Which lines a report adds to a node's history. */
import type { AgentFacts, AgentHealth, Report } from '@holdfast/shared/wire';
import { changeEvent, nodeEvent } from '#core/event-record';
import type { EntryChange } from '#core/manifest-edit';
import type { EventRecord, Millis, NodeState } from '#core/node-state';

/**
 * Changes that no event of the agent told of are recorded one by one up to this number a report; the rest is one
 * line. (Drift is recorded apart and in full.)
 */
export const maxUntoldChanges = 20_000;

/** The agent's events that are not stored yet, and the journal position after them. */
export function takeEvents(
  state: Pick<NodeState, 'journal' | 'eventsStored'> | null,
  { journal, events }: Report,
  at: Millis,
): { readonly events: readonly EventRecord[]; readonly eventsStored: number } {
  const stored = state?.journal === journal ? state.eventsStored : 0;
  const fresh = events.filter(({ position }) => position > stored);
  const replaced =
    state !== null && state.journal !== journal
      ? [
          nodeEvent(
            'journal-replaced',
            at,
            `journal ${state.journal} ended at position ${state.eventsStored}`,
          ),
        ]
      : [];
  return {
    events: [...replaced, ...fresh.map((event) => changeEvent(event, at, { at: event.at, net: event.net }))],
    eventsStored: fresh.at(-1)?.position ?? stored,
  };
}

/** Changes of the observed manifest that the agent's events of this report leave out. */
export function untoldChanges(
  changes: Iterable<EntryChange>,
  { events }: Report,
  at: Millis,
): readonly EventRecord[] {
  const told = new Set(events.map(({ path }) => path));
  const untold: EventRecord[] = [];
  let left = 0;
  for (const change of changes) {
    if (told.has(change.path)) continue;
    if (untold.length < maxUntoldChanges) untold.push(changeEvent(change, at, null));
    else left += 1;
  }
  if (left > 0) untold.push(nodeEvent('events-dropped', at, `${left} more changes came in one report`));
  return untold;
}

export function machineChanged(before: AgentFacts, after: AgentFacts): boolean {
  return before.machineId !== '' && before.machineId !== after.machineId;
}

/** Events that the agent had to drop since the last report. */
export function newlyDropped(
  state: { readonly journal: string; readonly health: AgentHealth } | null,
  { journal, health }: Report,
): number {
  const known = state?.journal === journal ? state.health.eventsDropped : 0;
  return Math.max(0, health.eventsDropped - known);
}
