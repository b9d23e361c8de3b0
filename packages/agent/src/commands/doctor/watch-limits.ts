import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type DoctorFinding, fail, ok, warn } from './finding.ts';

/** Whether the kernel lets this user watch `directories` directories, each of which takes one watch. */
export async function checkWatchLimits(directories: number): Promise<DoctorFinding[]> {
  const limit = Number(
    await readFile('/proc/sys/fs/inotify/max_user_watches', 'utf8').catch(() => 'unknown'),
  );
  return [judgeWatchLimit(directories, limit), tryWatch()];
}

export function judgeWatchLimit(directories: number, limit: number): DoctorFinding {
  const name = 'inotify watches';
  const what = `${directories} needed, ${limit} allowed to this user in all its programs`;
  const wanted = Math.max(2 ** Math.ceil(Math.log2(directories * 4)), 65_536);
  const cure = `set fs.inotify.max_user_watches=${wanted} with sysctl, and in /etc/sysctl.d`;
  if (Number.isNaN(limit))
    return warn(name, 'the limit cannot be read', 'look for fs.inotify.max_user_watches');
  if (directories > limit) return fail(name, what, cure);
  return directories * 2 > limit ? warn(name, what, cure) : ok(name, what);
}

/** How many instances are taken is not told anywhere, so one is taken for a moment. */
function tryWatch(): DoctorFinding {
  const name = 'inotify instances';
  try {
    watch('/proc/self').close();
    return ok(name, 'one can be had');
  } catch (error) {
    return fail(
      name,
      `none can be had (${(error as NodeJS.ErrnoException).code})`,
      'raise fs.inotify.max_user_instances with sysctl, or the limit of open files',
    );
  }
}
