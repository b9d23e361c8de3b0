/**
 * What `update` makes of a baseline.
 *
 * Rules for a path that was found different or unknown:
 * 1. It left the scope, or lies below a mount that is not entered: it is dropped.
 * 2. It is not there, and something that could not be listed hides it: it stays. Naming it by a glob drops it, unless
 *    the directory was unreadable: a missing or empty tree can be meant, an unreadable one proves nothing.
 * 3. It is not there: it is dropped.
 * 4. It is there: what was observed is taken over (see shared/acceptance for what could not be measured).
 *
 * Paths that were found neither different nor unknown are taken over too: an attribute that the baseline never recorded
 * counts from then on.
 *
 * Accepting everything moves the baseline to the observed scope; accepting by globs keeps the baseline's.
 */
import { acceptedEntry } from '@holdfast/shared/acceptance';
import type { Finding } from '@holdfast/shared/compare';
import type { PathGlob } from '@holdfast/shared/glob';
import { Manifest } from '@holdfast/shared/manifest';

export interface Accepted {
  readonly manifest: Manifest;
  /** The paths whose finding was accepted. */
  readonly paths: ReadonlySet<string>;
}

/** `globs` is null to accept everything. `findings` compare `baseline` with `observed`; neither is changed. */
export function acceptChanges(
  baseline: Manifest,
  observed: Manifest,
  findings: readonly Finding[],
  globs: readonly PathGlob[] | null,
): Accepted {
  const scopeDigest = globs === null ? observed.scopeDigest : baseline.scopeDigest;
  const isChosen = (path: string): boolean => globs?.some((glob) => glob.matches(path)) ?? true;
  const manifest = new Manifest(scopeDigest, baseline.entries());
  const paths = new Set<string>();
  for (const finding of findings) {
    if (!isChosen(finding.path)) continue;
    if (accept(manifest, observed, finding, globs !== null)) paths.add(finding.path);
  }
  const found = new Set(findings.map(({ path }) => path));
  for (const entry of observed.entries()) {
    if (!found.has(entry.path) && isChosen(entry.path)) manifest.set(entry);
  }
  return { manifest, paths };
}

function accept(manifest: Manifest, observed: Manifest, finding: Finding, isNamed: boolean): boolean {
  const { path } = finding;
  if (finding.unknown === 'left-scope') return manifest.delete(path);
  const after = observed.get(path);
  if (after) return manifest.set(acceptedEntry(manifest.get(path) ?? null, after));
  switch (finding.unknown) {
    case 'unreadable':
      return false;
    case 'missing':
    case 'empty':
      return isNamed && manifest.delete(path);
    default:
      return manifest.delete(path); // removed, or below a mount
  }
}
