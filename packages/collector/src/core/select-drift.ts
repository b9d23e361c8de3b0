/** Which paths of a node an operator means: all, those that globs name, those of drifts by their numbers, or both. */
import { compileGlob, globProblem } from '@holdfast/shared/glob';
import type { NodeView } from '#core/node-state';

export const maxSelectionGlobs = 1000;
export const maxSelectionDrifts = 10_000;

/**
 * What matching globs may cost, in characters of a path times characters of a glob that it is held against: some
 * tenths of a second, during which nothing else is decided.
 */
export const maxSelectionWork = 200_000_000;

/** Both null: everything. */
export interface DriftSelection {
  readonly paths: readonly string[] | null;
  readonly drifts: readonly number[] | null;
}

export interface SelectionRefusal {
  readonly code: 'bad-request' | 'node-moved-on';
  readonly detail: string;
}

/** The globs cost more to match than {@link maxSelectionWork}. */
export class SelectionTooCostlyError extends Error {
  constructor() {
    super('the globs take too much work to match; begin them with the directory that they are about');
    this.name = 'SelectionTooCostlyError';
  }
}

export type Selects = (path: string) => boolean;

export function selectsEverything({ paths, drifts }: DriftSelection): boolean {
  return paths === null && drifts === null;
}

/** Throws {@link SelectionTooCostlyError} while it is asked. Every drift that is named must stand. */
export function compileSelection(
  view: Pick<NodeView, 'standingPath'>,
  selection: DriftSelection,
): Selects | SelectionRefusal {
  if (selectsEverything(selection)) return () => true;
  const problem = selectionProblem(selection);
  if (problem) return { code: 'bad-request', detail: problem };
  const named = new Set<string>();
  for (const id of selection.drifts ?? []) {
    const path = view.standingPath(id);
    if (path === null) return { code: 'node-moved-on', detail: `drift ${id} does not stand; look again` };
    named.add(path);
  }
  const matches = globMatcher(selection.paths ?? []);
  return (path) => named.has(path) || matches(path);
}

/** Runs `decide`; the refusal where the globs of its selection cost too much. */
export function unlessTooCostly<T>(decide: () => T): T | { readonly refuse: SelectionRefusal } {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof SelectionTooCostlyError)) throw error;
    return { refuse: { code: 'bad-request', detail: error.message } };
  }
}

function selectionProblem({ paths, drifts }: DriftSelection): string | null {
  if (paths?.length === 0) return 'paths is empty; leave it out to mean everything';
  if (drifts?.length === 0) return 'drifts is empty; leave it out to mean everything';
  if ((paths?.length ?? 0) > maxSelectionGlobs) return `more than ${maxSelectionGlobs} globs`;
  if ((drifts?.length ?? 0) > maxSelectionDrifts) return `more than ${maxSelectionDrifts} drifts`;
  return globsProblem(paths ?? []);
}

/** What is wrong with the first glob that is none, or null. */
export function globsProblem(globs: readonly string[]): string | null {
  for (const glob of globs) {
    const problem = globProblem(glob);
    if (problem) return `${JSON.stringify(glob)} ${problem}`;
  }
  return null;
}

/** Work that is left to do; shared by those who must not do more than this together. */
export interface WorkLeft {
  left: number;
}

/**
 * Whether any of `sources`, none of which may have a {@link globsProblem}, matches a path. Throws
 * {@link SelectionTooCostlyError} while it is asked, once no `work` is left.
 */
export function globMatcher(
  sources: readonly string[],
  work: WorkLeft = { left: maxSelectionWork },
): Selects {
  const globs = sources.map(compileGlob);
  return (path) => {
    for (const glob of globs) {
      if (!path.startsWith(glob.literalPrefix)) continue;
      work.left -= path.length * glob.source.length;
      if (work.left < 0) throw new SelectionTooCostlyError();
      if (glob.matches(path)) return true;
    }
    return false;
  };
}
