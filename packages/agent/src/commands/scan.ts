import { byPath } from '@holdfast/shared/manifest';
import { entryTable } from '#core/entry-table';
import type { LookConfig } from '../config.ts';
import { loadScope } from '#io/scope-file';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { type Look, lookOnce, sayUnseen } from './look.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

export async function scan(
  config: LookConfig,
  { json }: { readonly json: boolean },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const look = await lookOnce(config, await loadScope(config.scopeFile), surroundings);
  await printLines(surroundings.stdout, json ? jsonLines(look) : tableLines(look));
  await sayUnseen(look, surroundings.stderr);
  return look.isComplete ? exitCodes.ok : exitCodes.error;
}

function* tableLines({ manifest, unread, result }: Look): Generator<string> {
  yield* entryTable([...manifest.entries()].sort(byPath));
  const seconds = (result.durationMs / 1000).toFixed(2);
  yield '';
  yield `${manifest.size} entries, ${unread.length} not measured in full, ${result.hashed} files read, ${seconds} s`;
  yield `digest ${manifest.digest()}`;
}

function* jsonLines({ manifest, unread, blindSpots, result }: Look): Generator<string> {
  for (const entry of [...manifest.entries()].sort(byPath)) yield JSON.stringify(entry);
  yield JSON.stringify({
    digest: manifest.digest(),
    scopeDigest: manifest.scopeDigest,
    entries: manifest.size,
    unread: unread.length,
    blindSpots,
    scan: result,
  });
}
