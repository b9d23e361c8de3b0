/** A time in which someone expects certain paths of certain nodes to change, once each. */
import { compileGlob, globProblem } from '@holdfast/shared/glob';
import { untilProblem } from '#core/acknowledgement';
import type { Millis } from '#core/node-state';
import { globsProblem } from '#core/select-drift';

export interface NewWindow {
  /** Globs on names of nodes. */
  readonly nodes: readonly string[];
  /** Globs on reported paths. */
  readonly paths: readonly string[];
  readonly until: Millis;
  readonly reason: string;
  /** Whether what is expected is accepted by itself. */
  readonly accept: boolean;
  readonly openedAt: Millis;
  readonly openedBy: string;
}

export interface ChangeWindow extends NewWindow {
  readonly id: number;
  /** Set if it was closed before its time. */
  readonly closedAt: Millis | null;
  readonly closedBy: string | null;
}

export const maxWindowDays = 31;
export const maxWindowGlobs = 100;
/** Windows that are open at one time. */
export const maxOpenWindows = 100;

export function isOpen({ closedAt, until }: ChangeWindow, now: Millis): boolean {
  return closedAt === null && now < until;
}

export function windowProblem({ nodes, paths, until }: NewWindow, now: Millis): string | null {
  return untilProblem(until, now, maxWindowDays) ?? nodeGlobsProblem(nodes) ?? globsProblem(paths);
}

function nodeGlobsProblem(globs: readonly string[]): string | null {
  for (const glob of globs) {
    const problem = glob.includes('/') ? 'holds a slash, which no node name does' : globProblem(`/${glob}`);
    if (problem) return `${JSON.stringify(glob)} ${problem}`;
  }
  return null;
}

/** Whether a window is about a node. A name has one part, so that `*` takes in all. */
export function nodeMatcher({ nodes }: Pick<NewWindow, 'nodes'>): (name: string) => boolean {
  const globs = nodes.map((glob) => compileGlob(`/${glob}`));
  return (name) => globs.some((glob) => glob.matches(`/${name}`));
}
