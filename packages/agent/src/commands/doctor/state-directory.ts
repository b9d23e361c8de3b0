import { constants } from 'node:fs';
import { access, mkdtemp, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';

const name = 'state directory';
const mib = 1024 * 1024;

export async function checkStateDirectory(path: string, outboxMib: number): Promise<DoctorFinding> {
  const existing = await nearestExisting(path);
  try {
    if (existing === path) await tryWriting(path);
    else await access(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    const what = `${path} cannot be written to (${(error as NodeJS.ErrnoException).code})`;
    return fail(name, what, 'make it, for the user that the agent runs as, or set HOLDFAST_STATE_DIR');
  }
  const { bavail, bsize } = await statfs(existing);
  const freeMib = Math.floor((bavail * bsize) / mib);
  if (freeMib < outboxMib) {
    const what = `${path} has ${freeMib} MiB free, the outbox may take ${outboxMib} MiB`;
    return warn(name, what, 'make room, or set HOLDFAST_OUTBOX_MIB lower');
  }
  const isThere = existing === path ? '' : ' will be made by `run`, and';
  return ok(name, `${path}${isThere} has ${freeMib} MiB free`);
}

async function nearestExisting(path: string): Promise<string> {
  for (let up = path; up !== '/'; up = dirname(up)) {
    const found = await stat(up).then(
      () => true,
      () => false,
    );
    if (found) return up;
  }
  return '/';
}

/** Permission bits do not tell: the file system may be read-only or full. */
async function tryWriting(path: string): Promise<void> {
  await rmdir(await mkdtemp(join(path, '.doctor-')));
}
