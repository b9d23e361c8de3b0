import { statSync } from 'node:fs';

/** Returns what says whether `file` is still the one that lay there at the call: not removed, and not replaced. */
export function inPlace(file: string): () => boolean {
  const then = statSync(file);
  return () => {
    const now = statSync(file, { throwIfNoEntry: false });
    return now?.ino === then.ino && now.dev === then.dev;
  };
}
