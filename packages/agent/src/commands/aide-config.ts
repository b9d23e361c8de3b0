import { aideConfig, usualDialect } from '@holdfast/shared/aide-config';
import { byteString } from '#io/tree/host-path';
import { loadScope } from '#io/scope-file';
import { findAide, installCure } from '../aide/find-aide.ts';
import { mountsLeftOut } from '../aide/mounts-left-out.ts';
import type { AgentConfig } from '../config.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

/** Prints what AIDE is given to read, for the AIDE that is here; without one, for Debian's. */
export async function printAideConfig(
  { hostRoot, scopeFile, aideBinary, searchPath }: AgentConfig,
  { stdout, stderr, signal }: Surroundings,
): Promise<ExitCode> {
  const scope = await loadScope(scopeFile);
  const found = await findAide({ binary: aideBinary, searchPath }, signal);
  if (found.kind === 'absent' || found.kind === 'unusable') {
    await printLines(stderr, [
      `holdfast-agent: note: ${found.reason}: written for AIDE 0.18 of Debian (${installCure})`,
    ]);
  }
  const config = aideConfig({
    scope: scope.scope,
    dialect: found.kind === 'found' ? found.aide.dialect : usualDialect,
    hostRoot: byteString(hostRoot),
    mounts: mountsLeftOut(scope, hostRoot),
  });
  await printLines(stdout, config.trimEnd().split('\n'));
  return exitCodes.ok;
}
