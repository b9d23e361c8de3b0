/**
 * What is drift: the one place that says whether two manifests differ, and how. The collector's intake and the
 * agent's offline `check` both call it.
 *
 * Rules, in order, for one path:
 * 1. In the baseline only: `unknown` if the path has left the scope, or lies in something that could not be listed
 *    (unreadable directory, empty or missing root, a mount that is not entered); else removed.
 * 2. In the observation only: `unknown` if the path has entered the scope unreviewed; else added.
 * 3. In both, `stale`: unknown; nothing is concluded from what was seen before.
 * 4. In both, of different types: changed.
 * 5. In both, `detached`: changed, in the attribute `detached`.
 * 6. In both: changed in each attribute that both sides measured and that differs.
 * 7. An attribute that the baseline has and the observation lacks, or that the baseline could not read, is
 *    unmeasured: the path is `unknown`, even beside a drift. A path that could not be read is never equal.
 * 8. An attribute that the baseline never recorded does not count (an upgraded agent may record more).
 */
import { type Attribute, type Entry, unreadReasons } from './entry.ts';
import type { Bucket, Entries } from './manifest.ts';

export type ChangeKind = 'added' | 'removed' | 'changed';

/** One path's difference between two manifests. `before` is the baseline's side. */
export interface Change {
  readonly path: string;
  readonly change: ChangeKind;
  /** Empty for added and removed. */
  readonly attributes: readonly Attribute[];
  readonly before: Entry | null;
  readonly after: Entry | null;
}

/** Why a directory, or a root of the scope, hides what lies in it. */
export const blindReasons = ['unreadable', 'missing', 'empty', 'mount'] as const;
export type BlindReason = (typeof blindReasons)[number];

/** Why nothing certain can be said of a path. */
export const unknownReasons = [
  ...unreadReasons,
  ...blindReasons,
  'unmeasured',
  'left-scope',
  'entered-scope',
] as const;
export type UnknownReason = (typeof unknownReasons)[number];

/** What a comparison found at one path: a drift, something unknown, or both. */
export interface Finding {
  readonly path: string;
  readonly drift: Change | null;
  readonly unknown: UnknownReason | null;
}

/** What a comparison must know beyond the entries. See {@link everythingVisible} for the plain case. */
export interface Visibility {
  /** Why nothing can be said of an entry that the observation lacks; null if its absence means removal. */
  hidden(before: Entry): BlindReason | null;
  /** Whether the observation's scope no longer takes the path in. */
  leftScope(path: string): boolean;
  /** Whether the baseline's scope did not take the path in. */
  enteredScope(path: string): boolean;
}

export const everythingVisible: Visibility = {
  hidden: () => null,
  leftScope: () => false,
  enteredScope: () => false,
};

/** Compares bucket by bucket; buckets that are equal and fully read are not opened. */
export function compareManifests(
  baseline: readonly Bucket[],
  observed: readonly Bucket[],
  visibility: Visibility = everythingVisible,
): Finding[] {
  const findings: Finding[] = [];
  for (let i = 0; i < baseline.length; i++) {
    const before = baseline[i]!;
    const after = observed[i]!;
    if (before.digest === after.digest && after.unread === 0) continue;
    for (const finding of compareBuckets(before.entries(), after.entries(), visibility))
      findings.push(finding);
  }
  return findings;
}

export function compareBuckets(baseline: Entries, observed: Entries, visibility: Visibility): Finding[] {
  const findings: Finding[] = [];
  let inBoth = 0;
  for (const [path, after] of observed) {
    const before = baseline.get(path) ?? null;
    if (before) inBoth += 1;
    const finding = compareEntries(before, after, visibility);
    if (finding) findings.push(finding);
  }
  if (inBoth === baseline.size) return findings;
  for (const [path, before] of baseline) {
    if (observed.has(path)) continue;
    const finding = compareEntries(before, null, visibility);
    if (finding) findings.push(finding);
  }
  return findings;
}

export function compareEntries(
  before: Entry | null,
  after: Entry | null,
  visibility: Visibility = everythingVisible,
): Finding | null {
  if (after === null) return before === null ? null : judgeAbsent(before, visibility);
  if (before === null) return judgeNew(after, visibility);
  return judgeBoth(before, after);
}

function judgeAbsent(before: Entry, visibility: Visibility): Finding {
  const { path } = before;
  const unknown = visibility.leftScope(path) ? 'left-scope' : visibility.hidden(before);
  if (unknown) return { path, drift: null, unknown };
  return { path, drift: { path, change: 'removed', attributes: [], before, after: null }, unknown: null };
}

function judgeNew(after: Entry, visibility: Visibility): Finding {
  const { path } = after;
  if (visibility.enteredScope(path)) return { path, drift: null, unknown: 'entered-scope' };
  const drift: Change = { path, change: 'added', attributes: [], before: null, after };
  return { path, drift, unknown: after.unread ?? null };
}

function judgeBoth(before: Entry, after: Entry): Finding | null {
  const { path } = after;
  if (after.unread === 'stale') return { path, drift: null, unknown: 'stale' };
  if (after.unread === undefined && isEqual(before, after)) return null;
  const differing: Attribute[] = [];
  let unmeasured = false;
  const judge = <T>(attribute: Attribute, was: T | undefined, is: T | undefined): void => {
    if (was === is) return;
    if (was !== undefined && is !== undefined) differing.push(attribute);
    else if (before.type !== after.type)
      return; // the type differs, and explains it
    else if (is === undefined || before.unread !== undefined) unmeasured = true;
  };
  judge('type', before.type, after.type);
  judge('mode', before.mode, after.mode);
  judge('uid', before.uid, after.uid);
  judge('gid', before.gid, after.gid);
  judge('size', before.size, after.size);
  judge('sha256', before.sha256, after.sha256);
  judge('target', before.target, after.target);
  judge('device', before.device, after.device);
  if (after.unread === 'detached') differing.push('detached');
  const unknown = after.unread ?? (unmeasured ? 'unmeasured' : null);
  if (differing.length === 0) return unknown ? { path, drift: null, unknown } : null;
  return { path, drift: { path, change: 'changed', attributes: differing, before, after }, unknown };
}

/** Nearly every pair of a comparison is equal, so this is asked first, field by field. */
function isEqual(a: Entry, b: Entry): boolean {
  return (
    a.sha256 === b.sha256 &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.type === b.type &&
    a.target === b.target &&
    a.device === b.device
  );
}
