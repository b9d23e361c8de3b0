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

/** One UTF-16 unit a byte: the form that shared/path-text takes and `readdir` gives as `latin1`. */
export function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function isAscii(bytes: string): boolean {
  return !/[\u0080-\u00ff]/.test(bytes);
}
