/**
 * Which changes of a report someone expects. Rules:
 * 1. The first change of a path of a node, after a window over both was opened and while it is open, is expected. Of
 *    several such windows the oldest counts.
 * 2. A further change of that path is not, whatever it leads to; nor is a change that the agent's events of one
 *    report tell to have been several: who slips in something of their own after the upgrade is to be seen.
 * 3. A drift that is expected says by which window. Where the window asks for it, the path is accepted at once, in the
 *    transaction of the report; the baseline then counts as not reviewed.
 */
import type { Report } from '@holdfast/shared/wire';
import { acceptSelected } from '#core/accept-baseline';
import type { ChangeWindow } from '#core/change-window';
import type { EntryChange } from '#core/manifest-edit';
import { type Millis, type NodeEffects, type NodeView, systemActor } from '#core/node-state';
import { globMatcher, type Selects, SelectionTooCostlyError } from '#core/select-drift';

const maxReasonLength = 1000;

export interface ExpectedChanges {
  /** Paths that a window has seen change now. */
  readonly used: readonly { readonly window: number; readonly path: string }[];
  /** Drifts that are expected. */
  readonly marked: readonly { readonly window: number; readonly path: string }[];
}

/** `effects` of the report, with what follows from open windows. `changes` are those of the observed manifest. */
export function withExpected(
  view: NodeView,
  effects: NodeEffects,
  changes: readonly EntryChange[],
  report: Pick<Report, 'events'>,
  now: Millis,
): NodeEffects {
  const windows = view.windows(now).map((window) => ({ window, matches: globMatcher(window.paths) }));
  if (windows.length === 0 || changes.length === 0) return effects;
  const moved = new Set([...effects.drift.started, ...effects.drift.altered].map(({ path }) => path));
  const told = countEvents(
    report,
    view.state?.journal === effects.state.journal ? view.state.eventsStored : 0,
  );
  const used: { window: number; path: string }[] = [];
  const marked: { window: number; path: string }[] = [];
  const toAccept = new Map<ChangeWindow, Set<string>>();
  for (const { path } of changes) {
    const over = windows.filter(({ matches }) => isOver(matches, path));
    const [first] = over;
    if (!first) continue;
    const isFirstChange = over.every(({ window }) => !view.isWindowUsed(window.id, path));
    for (const { window } of over) used.push({ window: window.id, path });
    if (!isFirstChange || (told.get(path) ?? 1) > 1 || !moved.has(path)) continue;
    marked.push({ window: first.window.id, path });
    if (!first.window.accept) continue;
    const paths = toAccept.get(first.window) ?? new Set();
    toAccept.set(first.window, paths.add(path));
  }
  return acceptExpected({ ...effects, expected: { used, marked } }, toAccept, now);
}

/** A window whose globs cost too much to match expects nothing more of this report. */
function isOver(matches: Selects, path: string): boolean {
  try {
    return matches(path);
  } catch (error) {
    if (error instanceof SelectionTooCostlyError) return false;
    throw error;
  }
}

/** How often each path changed, by the events that are not stored yet. */
function countEvents({ events }: Pick<Report, 'events'>, stored: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { path, position } of events) {
    if (position > stored) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return counts;
}

/** The acceptances that follow, one after the other: each is decided on what the one before has written. */
function acceptExpected(
  effects: NodeEffects,
  toAccept: ReadonlyMap<ChangeWindow, ReadonlySet<string>>,
  now: Millis,
): NodeEffects {
  const [next, ...others] = toAccept;
  if (!next) return effects;
  const [window, paths] = next;
  const followedBy = (view: NodeView): NodeEffects | null => {
    const reason = `expected by window ${window.id}: ${window.reason}`.slice(0, maxReasonLength);
    const acceptance = {
      paths: null,
      drifts: null,
      ifMatch: null,
      who: systemActor,
      reason,
      window: window.id,
    };
    const decision = acceptSelected(view, acceptance, (path) => paths.has(path), now);
    return 'refuse' in decision ? null : acceptExpected(decision.apply, new Map(others), now);
  };
  return { ...effects, followedBy };
}
