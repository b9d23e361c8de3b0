/** Globs on names of stacks, which are relative: `stacks/*`. Otherwise as globs on paths; see shared/glob. */
import { compileGlob, maxGlobLength } from '@holdfast/shared/glob';

export const maxStackGlobLength = maxGlobLength - 1;

/** The same glob on a path. */
export function stackGlob(glob: string): string {
  return `/${glob}`;
}

/** Whether the stack is what a glob matches, or lies below. Throws on what is no glob. */
export function stackMatcher(globs: readonly string[]): (stack: string) => boolean {
  const compiled = globs.map((glob) => compileGlob(stackGlob(glob)));
  return (stack) => compiled.some((glob) => glob.matches(`/${stack}`));
}
