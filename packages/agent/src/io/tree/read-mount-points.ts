import { readFileSync } from 'node:fs';
import { type MountPoints, mountPointsOf } from '#core/mount-points';
import { byteString } from './host-path.ts';

/** As this process sees them. Throws where /proc is not mounted. */
export function readMountPoints(hostRoot: string): MountPoints {
  return mountPointsOf(readFileSync('/proc/self/mountinfo', 'latin1'), byteString(hostRoot));
}
