import { compareManifests, type Finding } from '@holdfast/shared/compare';
import type { Manifest } from '@holdfast/shared/manifest';
import { compileScope, type ScopeMatcher } from '@holdfast/shared/scope';
import { type BlindSpot, visibilityOf } from '@holdfast/shared/visibility';
import type { BaselineDocument } from '#core/baseline-document';
import { readBaseline } from '#io/baseline-file';
import { loadScope } from '#io/scope-file';
import type { LookConfig } from '../config.ts';
import { type Look, lookOnce } from './look.ts';
import type { Surroundings } from './surroundings.ts';

export interface Comparison {
  readonly baseline: BaselineDocument;
  readonly look: Look;
  readonly scope: ScopeMatcher;
  readonly scopeDiffers: boolean;
  /** Sorted by path. */
  readonly findings: readonly Finding[];
}

/**
 * Reads the baseline before anything is looked at, so that a damaged one is told of at once. Without a scope file, the
 * scope is the one that the baseline was made with: a newer agent's built-in scope does not change what a check says.
 */
export async function compareWithBaseline(
  config: LookConfig,
  file: string,
  surroundings: Surroundings,
): Promise<Comparison> {
  const baseline = await readBaseline(file);
  const scope = config.scopeFile ? await loadScope(config.scopeFile) : compileScope(baseline.scope);
  const look = await lookOnce(config, scope, surroundings);
  const scopeDiffers = scope.digest !== baseline.manifest.scopeDigest;
  const findings = findDifferences(baseline, baseline.manifest, look.manifest, scope, look.blindSpots);
  return { baseline, look, scope, scopeDiffers, findings };
}

/** What stands between `manifest`, which was taken under the baseline's scope, and what was observed. */
export function findDifferences(
  { scope: baselineScope }: BaselineDocument,
  manifest: Manifest,
  observed: Manifest,
  scope: ScopeMatcher,
  blindSpots: readonly BlindSpot[],
): Finding[] {
  const differs = manifest.scopeDigest !== observed.scopeDigest;
  const scopes = differs ? { baseline: compileScope(baselineScope), observed: scope } : null;
  return compareManifests(manifest.buckets(), observed.buckets(), visibilityOf(blindSpots, scopes)).sort(
    (a, b) => (a.path < b.path ? -1 : 1),
  );
}
