import { parentOf } from '@holdfast/shared/path-text';
import { entryTypeOf } from '#core/file-stat';
import type { HostPath } from '#io/tree/host-path';
import { lstat } from '#io/tree/look-at';
import type { Log } from './options.ts';

/** Whether what is above a root of the scope are directories: a link among them would lead out of what the scope names. */
export class RootReach {
  readonly #hostPath: HostPath;
  readonly #log: Log;
  readonly #problems = new Map<string, string>();

  constructor(hostPath: HostPath, log: Log) {
    this.#hostPath = hostPath;
    this.#log = log;
  }

  /** Also true if something above is missing: an lstat of the root says so itself. A problem is logged once. */
  isReachable(root: string): boolean {
    const problem = this.#problemAbove(root);
    if (problem === null) {
      this.#problems.delete(root);
      return true;
    }
    if (this.#problems.get(root) !== problem) {
      this.#log.warn(
        { root, problem },
        'a root of the scope is not looked at: not every part of its path is a directory',
      );
    }
    this.#problems.set(root, problem);
    return false;
  }

  #problemAbove(root: string): string | null {
    for (const path of ancestors('/', root)) {
      const look = lstat(this.#hostPath(path));
      if (look.kind !== 'found') return null;
      const type = entryTypeOf(look.value.mode);
      if (type !== 'directory') return `${path} is a ${type}`;
    }
    return null;
  }
}

/** The directories from `first` down to the parent of `path`, without `/`. */
export function ancestors(first: string, path: string): string[] {
  const found: string[] = [];
  let up = path;
  while (up !== '/' && up !== first) {
    up = parentOf(up);
    if (up !== '/') found.unshift(up);
  }
  return found;
}
