/** What makes drifts of two nodes the same drift: the path, and from what to what. */
import { hash } from 'node:crypto';
import type { Change } from '@holdfast/shared/compare';
import { entryLine } from '@holdfast/shared/entry';

/** Bytes; enough that nobody makes two changes with the same one. */
export const fingerprintBytes = 20;

/** Lower-case hex. What AIDE found counts where it is known. */
export function driftFingerprint(drift: Change & { readonly aide?: unknown }): string {
  const { path, change, before, after, aide = null } = drift;
  const sides = [before, after].map((entry) => (entry === null ? '' : entryLine(entry)));
  return hash('sha256', JSON.stringify([path, change, ...sides, aide])).slice(0, 2 * fingerprintBytes);
}
