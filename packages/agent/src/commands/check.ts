import type { Finding } from '@holdfast/shared/compare';
import { countFindings, findingLine } from '#core/finding-text';
import type { LookConfig } from '../config.ts';
import { type Comparison, compareWithBaseline } from './compare-with-baseline.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { sayUnseen } from './look.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

export async function check(
  config: LookConfig,
  { baseline, json }: { readonly baseline: string; readonly json: boolean },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const comparison = await compareWithBaseline(config, baseline, surroundings);
  await printLines(surroundings.stdout, json ? jsonLines(comparison) : textLines(comparison));
  await sayUnseen(comparison.look, surroundings.stderr);
  return exitCodeOf(comparison.findings, comparison.look.isComplete);
}

/** Unknown is never "same", and an incomplete look may have missed more drift than it found. */
export function exitCodeOf(findings: readonly Finding[], isComplete: boolean): ExitCode {
  if (!isComplete || findings.some(({ unknown }) => unknown !== null)) return exitCodes.error;
  return findings.length > 0 ? exitCodes.drift : exitCodes.ok;
}

function* textLines({ baseline, look, scopeDiffers, findings }: Comparison): Generator<string> {
  yield* findings.map(findingLine);
  if (findings.length > 0) yield '';
  if (scopeDiffers) {
    yield `the scope differs from the baseline's: ${look.manifest.scopeDigest}, was ${baseline.manifest.scopeDigest}`;
  }
  const { added, removed, changed, unknown } = countFindings(findings);
  const since = `the baseline of ${baseline.acceptedAt}, digest ${baseline.manifest.digest()}`;
  yield findings.length === 0
    ? `no drift: ${look.manifest.size} paths are as in ${since}`
    : `${added} added, ${removed} removed, ${changed} changed, ${unknown} unknown; compared with ${since}`;
}

function* jsonLines({ baseline, look, scopeDiffers, findings }: Comparison): Generator<string> {
  for (const { path, drift, unknown } of findings) {
    const { change, attributes, before, after } = drift ?? {
      change: null,
      attributes: [],
      before: baseline.manifest.get(path) ?? null,
      after: look.manifest.get(path) ?? null,
    };
    yield JSON.stringify({ path, change, attributes, before, after, unknown });
  }
  yield JSON.stringify({
    baseline: baseline.manifest.digest(),
    observed: look.manifest.digest(),
    acceptedAt: baseline.acceptedAt,
    scopeDiffers,
    entries: look.manifest.size,
    ...countFindings(findings),
  });
}
