import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { Entry, UnreadReason } from '@holdfast/shared/entry';
import type { Look } from '../look.ts';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';

/** What a scan of everything in scope showed. */
export function judgeLook(scope: ScopeMatcher, look: Look): DoctorFinding[] {
  return [judgeRoots(scope, look), judgeReading(look)];
}

function judgeRoots({ roots }: ScopeMatcher, { blindSpots, manifest }: Look): DoctorFinding {
  const name = 'scope';
  const isRoot = new Set(roots);
  const notThere = blindSpots.filter(
    ({ path, reason }) => isRoot.has(path) && (reason === 'missing' || reason === 'empty'),
  );
  const what = `${manifest.size} paths below ${roots.length} roots`;
  if (notThere.length === 0) return ok(name, what);
  return warn(
    name,
    `${what}; not there, or empty: ${notThere.map(({ path }) => path).join(', ')}`,
    'nothing to do if this host has none of them; else mount them into the container, or correct the scope',
  );
}

function judgeReading({ unread, isComplete, result }: Look): DoctorFinding {
  const name = 'reading';
  if (isComplete) return ok(name, `everything in scope can be read (${result.hashed} files)`);
  const refused = withReason(unread, 'permission');
  if (refused.length > 0) {
    return fail(
      name,
      `no permission for ${refused.length} paths, such as ${refused[0]?.path}`,
      'run as root; in a container also add the capability DAC_READ_SEARCH',
    );
  }
  if (withReason(unread, 'io-error').length > 0) {
    return fail(name, `reading fails at ${unread[0]?.path}`, 'see what the kernel log says of the disk');
  }
  return warn(
    name,
    `${unread.length} paths cannot be measured in full, such as ${unread[0]?.path} (${unread[0]?.unread})`,
    'they are shown as unknown; exclude them, or raise HOLDFAST_MAX_FILE_MIB',
  );
}

function withReason(unread: readonly Entry[], reason: UnreadReason): Entry[] {
  return unread.filter((entry) => entry.unread === reason);
}
