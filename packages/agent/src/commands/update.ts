import { compileGlob, globProblem, type PathGlob } from '@holdfast/shared/glob';
import { acceptChanges } from '#core/accept-changes';
import type { BaselineDocument } from '#core/baseline-document';
import { findingLine } from '#core/finding-text';
import { replaceBaseline } from '#io/baseline-file';
import type { LookConfig } from '../config.ts';
import { compareWithBaseline, findDifferences } from './compare-with-baseline.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { sayUnseen } from './look.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

/** Accepts what was found at `paths` (globs), or all of it. Prints what is taken over, so that it can be reviewed. */
export async function update(
  config: LookConfig,
  { baseline: file, paths }: { readonly baseline: string; readonly paths: readonly string[] | null },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const globs = paths?.map(readGlob) ?? null;
  const { baseline, look, scope, findings } = await compareWithBaseline(config, file, surroundings);
  const accepted = acceptChanges(baseline.manifest, look.manifest, findings, globs);
  const isMoved = accepted.manifest.digest() !== baseline.manifest.digest();
  const document: BaselineDocument = {
    scope: globs === null ? scope.scope : baseline.scope,
    acceptedAt: new Date().toISOString(),
    manifest: accepted.manifest,
  };
  if (isMoved) await replaceBaseline(file, document);
  const remaining = findDifferences(document, accepted.manifest, look.manifest, scope, look.blindSpots);
  const taken = findings.filter(({ path }) => accepted.paths.has(path));
  await printLines(surroundings.stdout, [
    ...taken.map(findingLine),
    `accepted ${taken.length}, remaining ${remaining.length}; digest ${accepted.manifest.digest()}`,
  ]);
  await sayUnseen(look, surroundings.stderr);
  return look.isComplete ? exitCodes.ok : exitCodes.error;
}

function readGlob(text: string): PathGlob {
  const problem = globProblem(text);
  if (problem) throw new Error(`--path: ${problem} (got ${JSON.stringify(text)})`);
  return compileGlob(text);
}
