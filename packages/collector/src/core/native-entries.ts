/** What our own engine holds of single paths; buckets are opened when they are asked for. */
import { bucketOf, type Entries } from '@holdfast/shared/manifest';
import type { Entry } from '@holdfast/shared/entry';
import type { NativeEntries } from '#core/aide-judge';
import type { ManifestSide } from '#core/manifest-edit';

/** A side that is null holds nothing. */
export function nativeEntries(baseline: ManifestSide | null, observed: ManifestSide | null): NativeEntries {
  return { accepted: entryOf(baseline), observed: entryOf(observed) };
}

export function entryOf(side: ManifestSide | null): (path: string) => Entry | null {
  const opened = new Map<number, Entries>();
  return (path) => {
    if (!side) return null;
    const index = bucketOf(path);
    const entries = opened.get(index) ?? side.entries(index);
    opened.set(index, entries);
    return entries.get(path) ?? null;
  };
}
