import { isUtf8 } from 'node:buffer';
import { decodePathText } from '@holdfast/shared/path-text';

/** Where a reported path lies for the kernel: a string where it is ASCII, else its bytes. */
export type FsPath = string | Buffer;

export type HostPath = (reportedPath: string) => FsPath;

export function hostPathsUnder(hostRoot: string): HostPath {
  const prefix = hostRoot === '/' ? '' : byteString(hostRoot);
  return (reportedPath) => {
    const bytes = prefix + decodePathText(reportedPath);
    return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1');
  };
}

/** The reported path as a string of Unicode, for what takes no bytes; null if it is not UTF-8. */
export function unicodePath(reportedPath: string): string | null {
  if (!reportedPath.includes('%')) return reportedPath;
  const bytes = Buffer.from(decodePathText(reportedPath), 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/** One UTF-16 unit a byte: the form that shared/path-text takes and `readdir` gives as `latin1`. */
export function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function isAscii(bytes: string): boolean {
  return !/[\u0080-\u00ff]/.test(bytes);
}
