import { lstatSync } from 'node:fs';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import { hostPathsUnder } from '#io/tree/host-path';
import { readMountPoints } from '#io/tree/read-mount-points';

/**
 * Other file systems in scope that scans record and do not enter, as reported paths; AIDE would enter them. A single
 * file that is mounted is read by both. Throws where /proc is not mounted.
 */
export function mountsLeftOut(scope: ScopeMatcher, hostRoot: string): string[] {
  const hostPath = hostPathsUnder(hostRoot);
  const left = [...readMountPoints(hostRoot)].filter(([path, { isLocal }]) => {
    const rule = scope.match(path);
    if (rule === null || rule.enterMounts || scope.isRoot(path)) return false;
    return !isLocal || isDirectory(hostPath(path));
  });
  return left.map(([path]) => path).sort();
}

function isDirectory(path: string | Buffer): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return true; // left out rather than read where nothing is known
  }
}
