/** Reads a small text file whole, if it is still what its entry says. */
import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { maxContentBytes } from '@holdfast/shared/content';
import type { FsPath } from '#io/tree/host-path';

export type TextRead =
  | { readonly text: string }
  | { readonly withheld: 'too-large' | 'not-text' | 'unreadable' }
  /** It changed since its entry was made: the entry will follow. */
  | { readonly moved: true };

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Never follows a link, never blocks on a FIFO. `sha256` is that of the entry. */
export async function readText(path: FsPath, sha256: string): Promise<TextRead> {
  let bytes: Buffer;
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat();
    if (size > maxContentBytes) return { withheld: 'too-large' };
    const buffer = Buffer.alloc(maxContentBytes + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > maxContentBytes) return { withheld: 'too-large' };
    bytes = buffer.subarray(0, bytesRead);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ELOOP' ? { moved: true } : { withheld: 'unreadable' };
  }
  if (hash('sha256', bytes, 'hex') !== sha256) return { moved: true };
  if (bytes.includes(0)) return { withheld: 'not-text' };
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { withheld: 'not-text' };
  }
}
