import { encodePathText, isWithin } from '@holdfast/shared/path-text';

/**
 * The mount points below `hostRoot` (a byte string), as reported paths, of the content of /proc/self/mountinfo (a byte
 * string). The kernel writes space, tab, newline and backslash in a path as `\ooo`.
 */
export function mountPointsOf(mountinfo: string, hostRoot: string): ReadonlySet<string> {
  const mountPoints = new Set<string>();
  const prefix = hostRoot === '/' ? '' : hostRoot;
  for (const line of mountinfo.split('\n')) {
    const field = line.split(' ')[4];
    if (field === undefined) continue;
    const bytes = field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (!isWithin(bytes, hostRoot)) continue;
    mountPoints.add(encodePathText(bytes.slice(prefix.length)) || '/');
  }
  return mountPoints;
}
