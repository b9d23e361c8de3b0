/**
 * What `update` makes of a baseline.
 *
 * What becomes of a path that was found different or unknown is said in shared/acceptance.
 *
 * Paths that were found neither different nor unknown are taken over too: an attribute that the baseline never recorded
 * counts from then on.
 *
 * Accepting everything moves the baseline to the observed scope; accepting by globs keeps the baseline's.
 */
import { takenOver } from '@holdfast/shared/acceptance';
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

function accept(
  manifest: Manifest,
  observed: Manifest,
  { path, unknown }: Finding,
  isNamed: boolean,
): boolean {
  const next = takenOver(manifest.get(path) ?? null, observed.get(path) ?? null, unknown, isNamed);
  return next ? manifest.set(next) : manifest.delete(path);
}
