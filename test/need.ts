/**
 * What a test needs from the machine, as the value of node:test's `skip` option: false when it is here, else
 * the reason with its cure. Under CI (`CI=true`, as .ci/run sets it) a missing need throws instead: a check that
 * was silently skipped there would be false calm.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { makeNodeDirectory } from './harness/installer.ts';

export type Skip = string | false;

/** `needTool('promtool', 'apt-get install -y prometheus')`: the binary is on PATH, or in an sbin directory. */
export function needTool(binary: string, installLine: string): Skip {
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = places.some((place) => place !== '' && isExecutable(join(place, binary)));
  return found ? false : missing(`needs ${binary}: ${installLine}`);
}

/** For tests that make devices, change owners or drop privileges. */
export function needRoot(): Skip {
  return process.getuid?.() === 0 ? false : missing('needs root: sudo npm test');
}

/** For tests that mount something (a small tmpfs, a bind mount): root with CAP_SYS_ADMIN. */
export function needMount(): Skip {
  return canMount() ? false : missing('needs to mount a tmpfs: sudo npm test, with CAP_SYS_ADMIN');
}

let mountTried: boolean | undefined;

function canMount(): boolean {
  // In a mount namespace of its own, so that the attempt leaves nothing behind.
  mountTried ??=
    spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'holdfast', '/mnt'], { timeout: 5000 })
      .status === 0;
  return mountTried;
}

/** For tests that install the collector: its unit hides home directories and /tmp, so its Node has to be elsewhere. */
export function needNodeDirectory(): Skip {
  const directory = makeNodeDirectory();
  if (directory === null)
    return missing('needs a place for programs outside of homes and /tmp: sudo npm test');
  rmSync(directory, { recursive: true });
  return false;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function missing(reason: string): Skip {
  if (process.env['CI'] === 'true') throw new Error(`a test ${reason} (a skip is a failure under CI)`);
  return reason;
}
