import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type DoctorFinding, ok, warn } from '@holdfast/shared/doctor-finding';

const name = 'aide';

/** `binary` as in HOLDFAST_AIDE_BINARY; `searchPath` as in PATH. */
export async function checkAide(binary: string | null, searchPath: string): Promise<DoctorFinding> {
  if (binary === 'off') return ok(name, 'switched off');
  const candidates = (binary ?? 'aide').includes('/')
    ? [binary ?? 'aide']
    : searchPath.split(delimiter).map((directory) => join(directory || '.', binary ?? 'aide'));
  for (const candidate of candidates) {
    const isExecutable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return ok(name, candidate);
  }
  return warn(
    name,
    `${binary ?? 'aide'} is not found, so there is no second opinion on extended attributes, ACLs and capabilities`,
    'install the package `aide`, or set HOLDFAST_AIDE_BINARY=off',
  );
}
