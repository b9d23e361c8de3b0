import { readFileSync } from 'node:fs';
import { defaultScope } from '@holdfast/shared/default-scope';
import { compileScope, parseScope, ScopeError, type ScopeMatcher } from '@holdfast/shared/scope';

/** The scope in `path`, or the built-in one. Throws {@link ScopeError} with every problem, each naming the file. */
export async function loadScope(path: string | null): Promise<ScopeMatcher> {
  if (path === null) return compileScope(defaultScope());
  let text: string;
  try {
    text = readFileSync(path, 'utf8'); // once, at the start, where node:fs/promises takes longer to load
  } catch (error) {
    throw new ScopeError([`${path}: cannot be read: ${(error as NodeJS.ErrnoException).code}`]);
  }
  try {
    return compileScope(parseScope(text));
  } catch (error) {
    if (!(error instanceof ScopeError)) throw error;
    throw new ScopeError(error.problems.map((problem) => `${path}: ${problem}`));
  }
}
