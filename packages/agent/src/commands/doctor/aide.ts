import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AideInstallation, type AideSearch, findAide, installCure } from '../../aide/find-aide.ts';
import { selfTest } from '../../aide/self-test.ts';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';

const name = 'aide';

/** Which AIDE there is, and what it is blind to, tried on a tree of our own in the directory for temporary files. */
export async function checkAide(search: AideSearch, signal: AbortSignal): Promise<DoctorFinding> {
  const found = await findAide(search, signal);
  switch (found.kind) {
    case 'off':
      return ok(name, 'switched off');
    case 'absent':
      return warn(
        name,
        `${found.reason}, so there is no second opinion on extended attributes, ACLs and capabilities`,
        installCure,
      );
    case 'unusable':
      return fail(name, found.reason, 'install AIDE 0.18 or newer, or set HOLDFAST_AIDE_BINARY=off');
    case 'found':
      return await tryIt(found.aide, signal);
  }
}

async function tryIt(aide: AideInstallation, signal: AbortSignal): Promise<DoctorFinding> {
  const what = `AIDE ${aide.version} at ${aide.program.path}`;
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-aide-'));
  try {
    const blindTo = await selfTest(aide, directory, signal);
    if (blindTo.length === 0)
      return ok(name, `${what} sees what it should: ${aide.dialect.attributes.join(', ')}`);
    return warn(
      name,
      `${what} does not see ${blindTo.join(', ')}; the agent’s own nets stand in`,
      'install a newer package `aide`: Debian’s 0.18.3-1+deb12u5 sees all of it',
    );
  } catch (error) {
    signal.throwIfAborted();
    return fail(name, `${what} cannot be tried: ${(error as Error).message}`, 'see docs/aide.md');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
