/** How lines of a node's history are made. */
import { type ChangeKind, compareEntries } from '@holdfast/shared/compare';
import type { Net } from '@holdfast/shared/wire';
import type { EntryChange } from '#core/manifest-edit';
import type { EventKind, EventRecord, Millis } from '#core/node-state';

/** An event about the node as a whole. */
export function nodeEvent(
  kind: Exclude<EventKind, 'change'>,
  at: Millis,
  detail: string | null = null,
): EventRecord {
  return {
    kind,
    at,
    agentAt: null,
    path: null,
    change: null,
    attributes: [],
    before: null,
    after: null,
    net: null,
    detail,
  };
}

/** `told` is what the agent said of it; null if no event of the agent told of this change. */
export function changeEvent(
  { path, before, after }: EntryChange,
  at: Millis,
  told: { readonly at: string; readonly net: Net } | null,
): EventRecord {
  const change: ChangeKind = before === null ? 'added' : after === null ? 'removed' : 'changed';
  return {
    kind: 'change',
    at,
    agentAt: told?.at ?? null,
    path,
    change,
    attributes: compareEntries(before, after)?.drift?.attributes ?? [],
    before,
    after,
    net: told?.net ?? null,
    detail: null,
  };
}
