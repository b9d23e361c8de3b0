/** Files of a run that have no name: whatever ends the agent, nothing of them is left. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = 'aide-';
const suffix = '.tmp';

/** What {@link removeLeftovers} removes, for directories that a run needs for a moment. */
export function leftoverName(): string {
  return `${prefix}${randomBytes(8).toString('hex')}${suffix}`;
}

/** Private, empty, open for reading and writing. Its name is there for no longer than a moment. */
export async function openNamelessFile(directory: string): Promise<FileHandle> {
  const path = join(directory, leftoverName());
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Of an agent that ended in such a moment. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}
