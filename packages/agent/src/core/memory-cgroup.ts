/** Where the kernel takes back the page cache of our own control group. */

export interface CachePlace {
  readonly version: 1 | 2;
  /** Of the control group. */
  readonly directory: string;
}

const mountPoint = '/sys/fs/cgroup';

/** The places to try in order, of the content of /proc/self/cgroup. A container may see its own group as the root. */
export function cachePlaces(selfCgroup: string): CachePlace[] {
  return selfCgroup.split('\n').flatMap((line): CachePlace[] => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) return [];
    const isMemory = controllers.split(',').includes('memory');
    const version = controllers === '' ? 2 : 1;
    if (version === 1 && !isMemory) return [];
    const top = version === 2 ? mountPoint : `${mountPoint}/memory`;
    const directories = path === '/' ? [top] : [top + path, top];
    return directories.map((directory) => ({ version, directory }));
  });
}

/** What of the group's memory is cache that no process has mapped, in bytes, of the content of its memory.stat. */
export function freeableBytes(memoryStat: string): number {
  const value = (name: string): number =>
    Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(memoryStat)?.[1] ?? 0);
  return Math.max(0, value('file') - value('file_mapped') - value('shmem'));
}
