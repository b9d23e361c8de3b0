import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';

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

/** How many watches and instances are taken is not told anywhere, so one of each is taken for a moment. */
function tryWatch(): DoctorFinding {
  try {
    watch('/proc/self').close();
    return ok(instances, 'one can be had');
  } catch (error) {
    return judgeWatchFailure((error as NodeJS.ErrnoException).code);
  }
}

const instances = 'inotify instances';

/** `code` is the system's error of a first watch. */
export function judgeWatchFailure(code: string | undefined): DoctorFinding {
  if (code === 'ENOSPC') {
    const what = 'all that this user may have are taken (ENOSPC)';
    return fail('inotify watches in use', what, 'raise fs.inotify.max_user_watches with sysctl');
  }
  const cure = 'raise fs.inotify.max_user_instances with sysctl, or the limit of open files';
  return fail(instances, `none can be had (${code})`, cure);
}
