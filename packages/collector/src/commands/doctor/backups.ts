import { readdir } from 'node:fs/promises';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';
import { newestBackupAt } from '#core/backup-names';
import type { CollectorConfig } from '../../config.ts';

const name = 'backups';
/** A day, and some hours for a machine that was off. */
const staleMs = 30 * 3_600_000;

export async function checkBackups(backups: CollectorConfig['backups'], now: number): Promise<DoctorFinding> {
  if (backups === null)
    return warn(name, 'none are made', 'set HOLDFAST_BACKUP_DIR, or run holdfast-collector backup FILE');
  const { directory } = backups;
  try {
    const newest = newestBackupAt(await readdir(directory));
    if (newest === null)
      return warn(
        name,
        `none yet in ${directory}`,
        'wait for the first, or run holdfast-collector backup FILE',
      );
    const what = `the newest in ${directory} is of ${new Date(newest).toISOString()}`;
    return now - newest > staleMs
      ? warn(name, what, 'see the log for why there is no newer one')
      : ok(name, what);
  } catch (error) {
    return fail(
      name,
      `${directory} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      'make it, for the user that the collector runs as',
    );
  }
}
