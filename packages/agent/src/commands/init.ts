import { resolve } from 'node:path';
import { encodePathText, isWithin } from '@holdfast/shared/path-text';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import { createBaseline } from '#io/baseline-file';
import { loadScope } from '#io/scope-file';
import type { LookConfig } from '../config.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { lookOnce, sayUnseen } from './look.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

/** An incomplete baseline is written, and is an error all the same: what it lacks stays unknown in every check. */
export async function init(
  config: LookConfig,
  { baseline, force }: { readonly baseline: string; readonly force: boolean },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const scope = await loadScope(config.scopeFile);
  const look = await lookOnce(config, scope, surroundings);
  const { manifest } = look;
  const document = { scope: scope.scope, acceptedAt: new Date().toISOString(), manifest };
  await createBaseline(baseline, document, force);
  await printLines(stdout, [`${baseline}: ${manifest.size} entries, digest ${manifest.digest()}`]);
  if (isInScope(baseline, config.hostRoot, scope)) {
    await printLines(stderr, [`holdfast-agent: note: ${baseline} lies in the scope, and will show as drift`]);
  }
  await sayUnseen(look, stderr);
  return look.isComplete ? exitCodes.ok : exitCodes.error;
}

function isInScope(file: string, hostRoot: string, scope: ScopeMatcher): boolean {
  const path = resolve(file);
  if (!isWithin(path, hostRoot)) return false;
  const reported = hostRoot === '/' ? path : path.slice(hostRoot.length);
  return scope.match(encodePathText(Buffer.from(reported).toString('latin1'))) !== null;
}
