/**
 * What AIDE's new database says against its baseline, path by path:
 * 1. A row that may take the place of the old one (aide-rules.ts) does.
 * 2. What our own engine has seen change since the run began, and no longer sees drift, AIDE read too early: what both
 *    engines see of it is dropped, and a new run is asked for. What only AIDE sees stands until that run.
 * 3. A path that AIDE no longer lists and that our engine sees unchanged is not removed: the engines disagree.
 * 4. A path that came in with a wider scope is as unknown as to our own engine until the scope is accepted; then its row
 *    is taken as it is, where the engines agree.
 * 5. All else is a finding.
 */
import { type AideComparison, type AideFinding, compareAideDatabases } from '@holdfast/shared/aide-compare';
import { type AideDatabase } from '@holdfast/shared/aide-database';
import { type AideAttribute, type CommonAttribute, rowOf } from '@holdfast/shared/aide-row';
import { compareEntries } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';
import { agrees, disagreeing, isCommon, mayReplace, unusual } from '#core/aide-rules';
import type { EngineDisagreement, PendingPath } from '#core/aide-state';

/** What our own engine holds of a path. */
export interface NativeEntries {
  accepted(path: string): Entry | null;
  observed(path: string): Entry | null;
}

export interface AideEvidence {
  readonly baseline: AideDatabase;
  readonly newer: AideDatabase;
  readonly native: NativeEntries;
  readonly pending: ReadonlyMap<string, PendingPath>;
  /** Whether our engine saw the path change since shortly before the run. */
  moved(path: string): boolean;
  /** Paths that the scope did not take in when the baseline was made. Default: none. */
  readonly entered?: EnteredPaths;
}

export interface EnteredPaths {
  has(path: string): boolean;
  /** Whether the scope that takes them in was accepted. */
  readonly isAccepted: boolean;
}

export interface AideJudgement {
  readonly counts: AideComparison['counts'];
  /** Paths whose content AIDE cannot read any more, though it counts; or can read now, and nobody has accepted it. */
  readonly unmeasured: readonly string[];
  /** Paths whose new row takes the place of the old one. */
  readonly taken: readonly string[];
  readonly findings: readonly AideFinding[];
  /** Paths that AIDE read too early. */
  readonly stale: readonly string[];
  /** Paths that AIDE no longer lists, and our engine sees. */
  readonly unlisted: readonly string[];
}

export function judgeDatabases(evidence: AideEvidence): AideJudgement {
  const { baseline, newer, native, pending } = evidence;
  const compared = compareAideDatabases(baseline, newer);
  const taken: string[] = [];
  const findings: AideFinding[] = [];
  const stale: string[] = [];
  const unlisted: string[] = [];
  for (const finding of compared.findings) {
    const { path, before: old, after: next } = finding;
    const accepted = native.accepted(path);
    const reviewed = pending.get(path)?.reviewed ?? null;
    const hasEntered = old === null && evidence.entered?.has(path) === true;
    if (hasEntered && !evidence.entered?.isAccepted) continue; // unknown, as to our own engine
    if (mayReplace({ old, next, reviewed, accepted }) || (hasEntered && agrees(next, accepted))) {
      taken.push(path);
      continue;
    }
    const isMoved = evidence.moved(path);
    if (finding.change === 'removed' && !isMoved && native.observed(path) !== null) {
      unlisted.push(path);
      continue;
    }
    const open = withoutAccepted(finding, accepted);
    const left = isMoved ? withoutOvertaken(open, native) : open;
    if (left !== open) stale.push(path);
    if (left) findings.push(left);
  }
  const known = compared.gained.filter((path) => !taken.includes(path) && isAccepted(evidence, path));
  const unmeasured = [
    ...compared.lost.filter((path) => !isContentOutOfScope(native.observed(path))),
    ...compared.gained.filter((path) => !taken.includes(path) && !known.includes(path)),
  ];
  return { counts: compared.counts, unmeasured, taken: [...taken, ...known], findings, stale, unlisted };
}

/** Whether a content that AIDE could not read before is the accepted one, and nothing else differs. */
function isAccepted({ baseline, newer, native }: AideEvidence, path: string): boolean {
  const [old, next] = [baseline, newer].map(({ rows, spec }) => rowOf(rows.get(path)!, spec));
  return mayReplace({ old: old!, next: next!, reviewed: null, accepted: native.accepted(path) });
}

/** Whether the scope has the path, and does not count its content. */
function isContentOutOfScope(entry: Entry | null): boolean {
  return entry !== null && entry.sha256 === undefined && entry.unread === undefined;
}

/** The finding without the attributes that already are as they were accepted; others keep the row from being taken over. */
function withoutAccepted(finding: AideFinding, accepted: Entry | null): AideFinding {
  const { after } = finding;
  if (finding.change !== 'changed' || !accepted || !after) return finding;
  const differing: readonly string[] = disagreeing(after, accepted);
  const isOpen = (name: AideAttribute) =>
    !isCommon(name) || accepted[name] === undefined || differing.includes(name);
  const open = finding.attributes.filter(isOpen);
  return { ...finding, attributes: open.length > 0 ? open : unusual(after) };
}

/** The finding without what our engine has since seen put back; the same object if it still sees a drift. */
export function withoutOvertaken(finding: AideFinding, native: NativeEntries): AideFinding | null {
  const { path, before, after } = finding;
  if (compareEntries(native.accepted(path), native.observed(path))?.drift) return finding;
  if (!after) return null;
  if (!before) return native.observed(path) === null ? null : finding;
  const attributes = finding.attributes.filter((name) => !isCommon(name));
  if (attributes.length === finding.attributes.length) return finding;
  return attributes.length > 0 ? { ...finding, attributes } : null;
}

/**
 * Of `paths`, those that both engines read while nothing changed them, and see differently. One that AIDE's baseline
 * lists (`isListed`) and AIDE does not see any more is one too.
 */
export function disagreements(
  newer: AideDatabase,
  native: NativeEntries,
  paths: Iterable<string>,
  moved: (path: string) => boolean,
  isListed: (path: string) => boolean = () => false,
): EngineDisagreement[] {
  const found: EngineDisagreement[] = [];
  for (const path of paths) {
    const line = newer.rows.get(path);
    const entry = native.observed(path);
    if (entry === null || (line === undefined && (entry.unread || !isListed(path)))) continue;
    const aide = line === undefined ? null : rowOf(line, newer.spec);
    const attributes: CommonAttribute[] = aide ? disagreeing(aide, entry) : ['type'];
    if (attributes.length > 0 && !moved(path)) found.push({ path, attributes, native: entry, aide });
  }
  return found;
}
