/** What makes drifts of two nodes the same drift: the path, and from what to what. */
import { hash } from 'node:crypto';
import type { Change } from '@holdfast/shared/compare';
import { entryLine } from '@holdfast/shared/entry';

/** Bytes; enough that nobody makes two changes with the same one. */
export const fingerprintBytes = 20;

/** Lower-case hex. What AIDE found counts where it is known. */
export function driftFingerprint(drift: Change & { readonly aide?: unknown }): string {
  const { before, after } = drift;
  return fingerprintOfLines(drift, before && entryLine(before), after && entryLine(after));
}

/** As {@link driftFingerprint}, where the canonical lines of both sides are at hand. */
export function fingerprintOfLines(
  { path, change, aide = null }: Pick<Change, 'path' | 'change'> & { readonly aide?: unknown },
  before: string | null,
  after: string | null,
): string {
  const text = JSON.stringify([path, change, before ?? '', after ?? '', aide]);
  return hash('sha256', text).slice(0, 2 * fingerprintBytes);
}
