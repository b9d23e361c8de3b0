/**
 * Which changes of a report someone expects. Rules:
 * 1. The first change of a path of a node, after a window over both was opened and while it is open, is expected. Of
 *    several such windows the oldest counts.
 * 2. A further change of that path is not, whatever it leads to; nor is a change that the agent's events of one
 *    report tell to have been several: who slips in something of their own after the upgrade is to be seen.
 * 3. Nor is the change of a path that drifted already, unless a window expected that: what waits for someone to look at it
 *    is not explained by what came after it.
 * 4. A drift that is expected says by which window. Where the window asks for it, the path is accepted at once, in the
 *    transaction of the report; the baseline then counts as not reviewed.
 */
import { bucketOf } from '@holdfast/shared/manifest';
import type { Report } from '@holdfast/shared/wire';
import { acceptSelected } from '#core/accept-baseline';
import type { ChangeWindow } from '#core/change-window';
import type { EntryChange } from '#core/manifest-edit';
import { type Millis, type NodeEffects, type NodeView, systemActor } from '#core/node-state';
import { globMatcher, maxSelectionWork, SelectionTooCostlyError, type WorkLeft } from '#core/select-drift';

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
  const windows = changes.length === 0 ? [] : view.windows(now);
  if (windows.length === 0) return effects;
  const windowsOver = matcherOf(windows);
  const mayBeExpected = pathsThatMay(view, effects.drift);
  const told = countEvents(
    report,
    view.state?.journal === effects.state.journal ? view.state.eventsStored : 0,
  );
  const used: { window: number; path: string }[] = [];
  const marked: { window: number; path: string }[] = [];
  const toAccept = new Map<ChangeWindow, Set<string>>();
  for (const { path } of changes) {
    const over = windowsOver(path);
    const [first] = over;
    if (!first) continue;
    const isFirstChange = over.every(({ id }) => !view.isWindowUsed(id, path));
    for (const { id } of over) used.push({ window: id, path });
    if (!isFirstChange || (told.get(path) ?? 1) > 1 || !mayBeExpected.has(path)) continue;
    marked.push({ window: first.id, path });
    if (!first.accept) continue;
    const paths = toAccept.get(first) ?? new Set();
    toAccept.set(first, paths.add(path));
  }
  return acceptExpected({ ...effects, expected: { used, marked } }, toAccept, now);
}

/** Which windows are over a path, oldest first. Once their globs together cost too much to match, none is over the rest. */
function matcherOf(windows: readonly ChangeWindow[]): (path: string) => readonly ChangeWindow[] {
  const work: WorkLeft = { left: maxSelectionWork };
  const matchers = windows.map((window) => ({ window, matches: globMatcher(window.paths, work) }));
  let isSpent = false;
  return (path) => {
    if (isSpent) return [];
    try {
      return matchers.filter(({ matches }) => matches(path)).map(({ window }) => window);
    } catch (error) {
      if (!(error instanceof SelectionTooCostlyError)) throw error;
      isSpent = true;
      return [];
    }
  };
}

/** Paths that begin to drift, or whose drift a window expected as it was. */
function pathsThatMay(
  view: Pick<NodeView, 'standing'>,
  { started, altered }: NodeEffects['drift'],
): ReadonlySet<string> {
  const paths = new Set(started.map(({ path }) => path));
  const changed = new Set(altered.map(({ path }) => path));
  for (const index of new Set([...changed].map(bucketOf))) {
    for (const { path, expected } of view.standing(index)) {
      if (expected !== null && changed.has(path)) paths.add(path);
    }
  }
  return paths;
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
