/** A cgroup with a memory limit, of either version. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MemoryGroup extends Disposable {
  /** A process that writes its id here is in the group. */
  readonly membersFile: string;
}

/** Where the controller may be, and the file that holds its limit. */
const places = [
  { parent: '/sys/fs/cgroup/memory', limitFile: 'memory.limit_in_bytes' },
  { parent: '/sys/fs/cgroup', limitFile: 'memory.max' },
] as const;

/** Null where this process may make none. Dispose of it when no process is in it any more. */
export function memoryGroup(mib: number): MemoryGroup | null {
  for (const { parent, limitFile } of places) {
    const directory = join(parent, `holdfast-bench-${process.pid}`);
    try {
      mkdirSync(directory);
    } catch {
      continue;
    }
    if (!existsSync(join(directory, limitFile))) {
      rmdirSync(directory);
      continue;
    }
    writeFileSync(join(directory, limitFile), String(mib * 1024 * 1024));
    return { membersFile: join(directory, 'cgroup.procs'), [Symbol.dispose]: () => rmdirSync(directory) };
  }
  return null;
}
