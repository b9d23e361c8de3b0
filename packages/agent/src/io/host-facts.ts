/** What a report says of the host. Files are read below the host root, so that a container speaks of its node. */
import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, join, normalize } from 'node:path';

export interface HostFacts {
  readonly kernel: string;
  /** `PRETTY_NAME` of os-release; `unknown` where there is none. */
  readonly os: string;
  /** Of /etc/machine-id; empty where there is none. */
  readonly machineId: string;
}

/** What the wire takes of each. */
const maxFactLength = 200;
const maxFactFileBytes = 16 * 1024;
const maxLinks = 8;

export async function readHostFacts(hostRoot: string): Promise<HostFacts> {
  const osRelease =
    (await readHostFile(hostRoot, '/etc/os-release')) ??
    (await readHostFile(hostRoot, '/usr/lib/os-release')) ??
    '';
  const machineId = await readHostFile(hostRoot, '/etc/machine-id');
  return {
    kernel: release().slice(0, maxFactLength),
    os: prettyName(osRelease) ?? 'unknown',
    machineId: /^[0-9a-f]{32}$/.exec(machineId?.trim() ?? '')?.[0] ?? '',
  };
}

/** The value of PRETTY_NAME in an os-release file, without quotes and escapes; null if it has none. */
export function prettyName(osRelease: string): string | null {
  const value = /^PRETTY_NAME=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))\s*$/m.exec(osRelease);
  const text = value?.[1]?.replaceAll(/\\(.)/g, '$1') ?? value?.[2] ?? value?.[3] ?? '';
  const printable = text.replaceAll(/\p{C}/gu, '').trim().slice(0, maxFactLength);
  return printable === '' ? null : printable;
}

/** The start of a regular file of the host, or null. Symlinks lead where they lead on the host, not in this container. */
async function readHostFile(hostRoot: string, path: string): Promise<string | null> {
  try {
    let target = path;
    for (let links = 0; (await lstat(join(hostRoot, target))).isSymbolicLink(); links++) {
      if (links === maxLinks) return null;
      const link = await readlink(join(hostRoot, target));
      target = link.startsWith('/') ? normalize(link) : normalize(join(dirname(target), link));
    }
    return await readStart(join(hostRoot, target));
  } catch {
    return null; // a fact that cannot be had is left out; reports go on without it
  }
}

async function readStart(path: string): Promise<string | null> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) return null;
  const buffer = Buffer.alloc(maxFactFileBytes);
  const { bytesRead } = await file.read(buffer, 0, maxFactFileBytes, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
