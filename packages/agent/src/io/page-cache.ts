/**
 * Gives page cache back to the kernel. What a scan reads is charged to the agent's control group, where it looks like
 * memory that the agent holds, and brings a pod near its limit.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { type CachePlace, cachePlaces, freeableBytes } from '#core/memory-cgroup';

/** Below this it is not worth the kernel's work. */
const minFreedBytes = 1024 * 1024;

export interface PageCacheAnswer {
  /** Null: nothing was given back, because the kernel has no way, or does not let us. */
  readonly place: string | null;
  readonly error: string | null;
}

/** Never rejects. The write returns when the kernel is done, on a thread that waits for it. */
export async function giveBackPageCache(): Promise<PageCacheAnswer> {
  let error: string | null = null;
  try {
    for (const place of cachePlaces(await readFile('/proc/self/cgroup', 'latin1'))) {
      const answer = await giveBack(place).catch(
        (reason: NodeJS.ErrnoException) => reason.code ?? String(reason),
      );
      if (answer === null) return { place: place.directory, error: null };
      error = answer;
    }
  } catch (reason) {
    error = String(reason);
  }
  return { place: null, error };
}

/** Null if it was done; else why not. */
async function giveBack({ version, directory }: CachePlace): Promise<string | null> {
  if (version === 1) {
    await writeFile(`${directory}/memory.force_empty`, '0', { flag: 'r+' });
    return null;
  }
  await readFile(`${directory}/memory.current`, 'latin1'); // the root has none: its cache is everybody's
  const bytes = freeableBytes(await readFile(`${directory}/memory.stat`, 'latin1'));
  if (bytes < minFreedBytes) return null;
  await writeFile(`${directory}/memory.reclaim`, String(bytes), { flag: 'r+' }).catch(
    (reason: NodeJS.ErrnoException) => {
      if (reason.code !== 'EAGAIN') throw reason; // less could be freed, and was
    },
  );
  return null;
}
