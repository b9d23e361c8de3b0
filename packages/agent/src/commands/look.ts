/** What `scan`, `init`, `check` and `update` have in common: one scan, and saying what it could not see. */
import type { Writable } from 'node:stream';
import type { Entry } from '@holdfast/shared/entry';
import { byPath } from '@holdfast/shared/manifest';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { BlindReason } from '@holdfast/shared/compare';
import type { BlindSpot } from '@holdfast/shared/visibility';
import { unknownTexts } from '#core/finding-text';
import type { LookConfig } from '../config.ts';
import { type ScanOutcome, scanOnce } from '../observe/scan-once.ts';
import { personLog } from './person-log.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

export interface Look extends ScanOutcome {
  /** Sorted by path. Entries that could not be measured in full. */
  readonly unread: readonly Entry[];
  /** Whether everything in scope that is there was measured. */
  readonly isComplete: boolean;
}

/** Throws if nothing at all was found: then the host root or the scope is wrong, and no answer would be true. */
export async function lookOnce(
  config: LookConfig,
  scope: ScopeMatcher,
  { stderr, signal }: Surroundings,
): Promise<Look> {
  const { hostRoot, maxFileMib } = config;
  const outcome = await scanOnce({ scope, hostRoot, maxFileMib, log: personLog(stderr) }, signal);
  if (outcome.manifest.size === 0) {
    throw new Error(`nothing of the scope is there; is ${hostRoot} the host's root directory?`);
  }
  const unread = [...outcome.manifest.entries()].filter((entry) => entry.unread !== undefined).sort(byPath);
  const isComplete = unread.length === 0 && spotsOf(outcome.blindSpots, ['unreadable']).length === 0;
  return { ...outcome, unread, isComplete };
}

/** More than these would bury the rest; the table and the JSON form have all. */
const maxNamedPaths = 20;

/** Says on stderr what was not seen. */
export async function sayUnseen({ unread, blindSpots }: Look, stderr: Writable): Promise<void> {
  const notThere = spotsOf(blindSpots, ['missing', 'empty']);
  const mounts = spotsOf(blindSpots, ['mount']);
  const unreadPaths = new Set(unread.map(({ path }) => path));
  const hidden = spotsOf(blindSpots, ['unreadable']).filter((path) => !unreadPaths.has(path));
  const lines: string[] = [];
  if (notThere.length > 0) lines.push(`note: not there, or empty: ${listed(notThere)}`);
  if (mounts.length > 0) lines.push(`note: other file systems, not entered: ${listed(mounts)}`);
  for (const { path, unread: reason } of unread.slice(0, maxNamedPaths)) {
    if (reason) lines.push(`could not be measured: ${path}: ${unknownTexts[reason]}`);
  }
  if (unread.length > maxNamedPaths) {
    lines.push(`could not be measured: ${unread.length - maxNamedPaths} more`);
  }
  if (hidden.length > 0) lines.push(`could not be listed: ${listed(hidden)}`);
  await printLines(
    stderr,
    lines.map((line) => `holdfast-agent: ${line}`),
  );
}

function spotsOf(blindSpots: readonly BlindSpot[], reasons: readonly BlindReason[]): string[] {
  return blindSpots.filter(({ reason }) => reasons.includes(reason)).map(({ path }) => path);
}

function listed(paths: readonly string[]): string {
  const rest = paths.length - maxNamedPaths;
  return `${paths.slice(0, maxNamedPaths).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
