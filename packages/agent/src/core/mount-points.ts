import { encodePathText, isWithin } from '@holdfast/shared/path-text';

/**
 * File systems whose answers come from this machine's kernel. Of any other, even an lstat may wait for a server, or for
 * a program, that is gone.
 */
const localTypes: ReadonlySet<string> = new Set(
  (
    'bcachefs btrfs devtmpfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs overlay proc ramfs ' +
    'reiserfs rootfs squashfs sysfs tmpfs vfat xfs zfs'
  ).split(' '),
);

export interface MountPoint {
  /** Whether the mounted file system is local: it may be looked at, though not entered. */
  readonly isLocal: boolean;
  /** What of that file system is mounted, by its name there now, as the kernel writes it. */
  readonly source: string;
}

export type MountPoints = ReadonlyMap<string, MountPoint>;

/**
 * The mount points below `hostRoot` (a byte string), as reported paths, of the content of /proc/self/mountinfo (a byte
 * string). The kernel writes space, tab, newline and backslash in a path as `\ooo`. Of several mounts on one place, the
 * last is the one that is seen.
 */
export function mountPointsOf(mountinfo: string, hostRoot: string): MountPoints {
  const mountPoints = new Map<string, MountPoint>();
  const prefix = hostRoot === '/' ? '' : hostRoot;
  for (const line of mountinfo.split('\n')) {
    const [place = '', device = ''] = line.split(' - ');
    const [, , , source = '', field] = place.split(' ');
    if (field === undefined) continue;
    const bytes = field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (!isWithin(bytes, hostRoot)) continue;
    const path = encodePathText(bytes.slice(prefix.length)) || '/';
    mountPoints.set(path, { isLocal: localTypes.has(device.split(' ')[0] ?? ''), source });
  }
  return mountPoints;
}

/** The kernel's mark on the source of a mount that has been removed, or replaced by rename. */
export function isSourceGone({ source }: MountPoint): boolean {
  return source.endsWith('//deleted');
}
