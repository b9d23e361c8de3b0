import type { Manifest } from '@holdfast/shared/manifest';

/** How many entries could not be measured in full, from the count that each bucket keeps. */
export function countUnreadOf(manifest: Manifest): number {
  return manifest.buckets().reduce((count, bucket) => count + bucket.unread, 0);
}
