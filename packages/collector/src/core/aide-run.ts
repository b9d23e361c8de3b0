/**
 * Judges a run of AIDE. It cannot be relied on, and is `unknown`, for each of these:
 * - Its database has not come, is none, or has another number of rows than the run says; or so many more or fewer than our
 *   manifest has entries that the two cannot have looked at the same.
 * - It began anew by itself, or was checked against another database than the present baseline.
 * - Its configuration is not the baseline's, and the node's scope has not changed and been accepted since: a weaker
 *   configuration finds less.
 * - AIDE could not read a content that it had read before, or that our own scan read; or reads one now that it could not
 *   read before, and that nobody has accepted.
 *
 * Where the configuration, or the first two numbers of AIDE's version, are others than the baseline's, AIDE has made a first
 * database, because it would compare what cannot be compared, and its rows are compared here. Else:
 * - AIDE's own counts and its rows say different things, or AIDE's report could not be read.
 */
import { type AideDatabase, readAideDatabase } from '@holdfast/shared/aide-database';
import { rowOf } from '@holdfast/shared/aide-row';
import { compileForeignScope } from '@holdfast/shared/scope';
import { type AideRun, aideSeries } from '@holdfast/shared/wire-aide';
import type { AideIntake } from '#core/aide-intake';
import {
  type AideJudgement,
  disagreements,
  type EnteredPaths,
  judgeDatabases,
  type NativeEntries,
} from '#core/aide-judge';
import { allButRowsOf, withRowsOf } from '#core/aide-merge';
import type { AideDraft } from '#core/aide-record';
import { agrees } from '#core/aide-rules';
import { type AideDatabaseRecord, maxWarningsKept } from '#core/aide-state';
import { nativeEntries } from '#core/native-entries';
import type { Millis, NodeView } from '#core/node-state';

/** Of the larger of the two numbers of entries, and of paths that engines may see differently. */
export const maxShareOfEntriesApart = 0.1;
export const entriesApartAllowed = 50;
/** A change shortly before a run may have come to our engine's notice only after it. */
export const movedMarginMs = 120_000;

export interface RunContext extends AideIntake {
  readonly view: NodeView;
  /** Whether the report says that a path changed. */
  readonly moved: (path: string) => boolean;
}

export function judgeRun(draft: AideDraft, run: AideRun, context: RunContext): void {
  const { warnings, baseline: _, database: __, configDigest: ___, config: ____, moved: _____, ...told } = run;
  draft.state = {
    ...draft.state,
    run: {
      ...told,
      judgedAt: context.now,
      warnings: warnings.slice(0, maxWarningsKept),
    },
    objection: null,
    isWanted: false,
  };
  const isUseless = run.verdict === 'failed' || (run.verdict === 'unknown' && run.database === null);
  const objection = isUseless ? null : objectionTo(draft, run, context);
  draft.state = { ...draft.state, objection };
}

/** Why the run cannot be relied on; null if it was taken in full, or if the agent says so itself. */
function objectionTo(draft: AideDraft, run: AideRun, context: RunContext): string | null {
  const newer = databaseOf(draft, run, context);
  if (typeof newer === 'string') return newer;
  if (run.baseline === null) return takeFirst(draft, run, newer, context);
  const { baseline } = draft.state;
  if (baseline?.digest !== run.baseline) {
    draft.ask();
    return 'AIDE was checked against another database than the present baseline; it is asked to run again';
  }
  const old = readKept(draft, baseline.digest);
  if (typeof old === 'string') return old;
  return takeChecked(draft, run, { old, newer }, context);
}

function databaseOf(draft: AideDraft, run: AideRun, { observed }: RunContext): AideDatabase | string {
  if (run.database === null) return 'AIDE made no database that can be relied on';
  const newer = readKept(draft, run.database);
  if (typeof newer === 'string') return newer;
  const { size } = newer.rows;
  if (size !== run.entries) return `AIDE's database has ${size} rows, the run speaks of ${run.entries}`;
  const ours = observed?.record.entries ?? null;
  if (ours === null) return newer;
  const allowed = entriesApartAllowed + maxShareOfEntriesApart * Math.max(size, ours);
  return Math.abs(size - ours) > allowed ? `AIDE saw ${size} paths where our scan saw ${ours}` : newer;
}

function readKept(draft: AideDraft, digest: string): AideDatabase | string {
  const text = draft.text(digest);
  if (text === null) {
    draft.ask();
    return `AIDE's database ${digest.slice(0, 12)}… is not kept here, or was altered`;
  }
  return readAideDatabase(text);
}

function takeFirst(draft: AideDraft, run: AideRun, newer: AideDatabase, context: RunContext): string | null {
  if (draft.state.baseline) {
    draft.ask();
    return 'AIDE began anew without being asked to';
  }
  const native = nativesOf(context);
  const unread = unreadOf(newer, native);
  if (unread.length > 0) return `AIDE could not read ${counted(unread)}, which our scan read`;
  if (run.verdict !== 'same') return null;
  draft.state = { ...draft.state, newest: recordOf(run, newer, context), offered: null };
  draft.disagreements = disagreements(newer, native, newer.rows.keys(), movedSince(run, context));
  return null;
}

function takeChecked(
  draft: AideDraft,
  run: AideRun,
  { old, newer }: { readonly old: AideDatabase; readonly newer: AideDatabase },
  context: RunContext,
): string | null {
  const native = nativesOf(context);
  const moved = movedSince(run, context);
  const pending = new Map(draft.pending.map((each) => [each.path, each]));
  const entered = enteredSince(draft.state.baseline!, context);
  const judged = judgeDatabases({ baseline: old, newer, native, pending, moved, entered });
  const { isOther, mayAdopt } = groundOf(draft.state.baseline!, run, context);
  if (isOther && !mayAdopt) {
    const record = recordOf(run, newer, context);
    draft.state = { ...draft.state, offered: { ...record, config: run.config ?? null } };
  }
  const objection =
    (isOther && !mayAdopt ? "AIDE's configuration is not the one that was accepted" : null) ??
    (mayAdopt ? null : countsProblem(run, judged)) ??
    (judged.unmeasured.length > 0
      ? `AIDE could not read ${counted(judged.unmeasured)}, or could not before`
      : null);
  if (objection !== null || run.verdict === 'unknown') {
    draft.findings = joined(draft.findings, judged);
    return objection;
  }
  takeInFull(draft, run, { old, newer, judged, mayAdopt }, context);
  const suspects = [
    ...judged.findings.map(({ path }) => path),
    ...pending.keys(),
    ...judged.unlisted,
    ...draft.disagreements.map(({ path }) => path),
  ];
  const known = new Set(draft.disagreements.map(({ path }) => path));
  draft.disagreements = disagreements(newer, native, new Set(suspects), moved, (path) => old.rows.has(path));
  if (judged.stale.length > 0 || judged.unlisted.some((path) => !known.has(path))) draft.ask();
  return null;
}

interface CheckedRun {
  readonly old: AideDatabase;
  readonly newer: AideDatabase;
  readonly judged: AideJudgement;
  /** Whether its configuration takes the place of the baseline's. */
  readonly mayAdopt: boolean;
}

function takeInFull(
  draft: AideDraft,
  run: AideRun,
  { old, newer, judged, mayAdopt }: CheckedRun,
  context: RunContext,
): void {
  const newest = recordOf(run, newer, context);
  draft.state = { ...draft.state, newest, offered: null };
  draft.findings = judged.findings;
  if (mayAdopt) {
    const kept = [...judged.findings.map(({ path }) => path), ...judged.stale, ...judged.unlisted];
    draft.moveBaseline(allButRowsOf(old, newer, kept), newest);
  } else if (judged.taken.length > 0) {
    draft.moveBaseline(withRowsOf(old, newer, judged.taken), {
      ...draft.state.baseline!,
      ...versionOf(newest),
    });
  }
  const found = new Set(draft.findings.map(({ path }) => path));
  const native = nativesOf(context);
  draft.pending = draft.pending.filter(({ path }) => {
    const line = newer.rows.get(path);
    if (line === undefined) return found.has(path); // else AIDE does not look at it
    return found.has(path) || !agrees(rowOf(line, newer.spec), native.accepted(path));
  });
}

/** Nothing that was found before ends; a path that is gone may only be out of sight. */
function joined(before: AideDraft['findings'], { findings }: AideJudgement): AideDraft['findings'] {
  const byPath = new Map(before.map((finding) => [finding.path, finding]));
  for (const finding of findings) if (finding.change !== 'removed') byPath.set(finding.path, finding);
  return [...byPath.values()];
}

function countsProblem(run: AideRun, { counts }: AideJudgement): string | null {
  if (run.added === null || run.removed === null || run.changed === null)
    return "AIDE's report could not be read";
  const isSame =
    run.added === counts.added && run.removed === counts.removed && run.changed === counts.changed;
  if (isSame) return null;
  const said = (of: { readonly added: unknown; readonly removed: unknown; readonly changed: unknown }) =>
    `${String(of.added)} added, ${String(of.removed)} removed and ${String(of.changed)} changed`;
  return `AIDE reports ${said(run)}, its database has ${said(counts)}`;
}

interface Ground {
  /** Whether the run looked at something else than the baseline did. */
  readonly isOther: boolean;
  /** Whether what it made may take the baseline's place, but for what differs. */
  readonly mayAdopt: boolean;
}

/** A scope that was accepted brings its configuration with it. Another version with the same one looks at the same. */
function groundOf(before: AideDatabaseRecord, run: AideRun, { report, baseline }: RunContext): Ground {
  const isOther = run.configDigest !== before.configDigest;
  if (!isOther) {
    return { isOther, mayAdopt: aideSeries(report.aide?.version ?? '') !== aideSeries(before.aideVersion) };
  }
  const { digest } = report.scope;
  return { isOther, mayAdopt: baseline?.record.scopeDigest === digest && before.scopeDigest !== digest };
}

function enteredSince({ scopeDigest }: AideDatabaseRecord, context: RunContext): EnteredPaths {
  const { view, report, baseline } = context;
  const { digest } = report.scope;
  const scope = scopeDigest === digest ? null : view.scope(scopeDigest);
  const matcher = scope && compileForeignScope(scope);
  return {
    has: (path) => matcher !== null && matcher.match(path) === null,
    isAccepted: baseline?.record.scopeDigest === digest,
  };
}

function unreadOf(newer: AideDatabase, native: NativeEntries): string[] {
  const unread: string[] = [];
  for (const [path, line] of newer.rows) {
    const row = rowOf(line, newer.spec);
    if (row.type !== 'file' || row.sha256 !== undefined) continue;
    if (native.observed(path)?.sha256 !== undefined) unread.push(path);
  }
  return unread;
}

function nativesOf({ baseline, observed }: RunContext): NativeEntries {
  return nativeEntries(baseline, observed);
}

/** By our own clock: the agent's says only how long ago the run began. */
function movedSince(run: AideRun, { view, report, now, moved }: RunContext): (path: string) => boolean {
  const age = Date.parse(report.agent.clock) - Date.parse(run.startedAt);
  const since: Millis = now - Math.max(0, age) - movedMarginMs;
  const told = new Set(run.moved);
  let known: ReadonlySet<string> | null = null;
  return (path) => moved(path) || told.has(path) || (known ??= view.aide.movedSince(since)).has(path);
}

function recordOf(run: AideRun, newer: AideDatabase, { report }: RunContext): AideDatabaseRecord {
  return {
    digest: run.database!,
    configDigest: run.configDigest,
    aideVersion: report.aide?.version ?? '',
    scopeDigest: report.scope.digest,
    entries: newer.rows.size,
  };
}

function versionOf({ aideVersion }: AideDatabaseRecord): Pick<AideDatabaseRecord, 'aideVersion'> {
  return { aideVersion };
}

function counted(paths: readonly string[]): string {
  return paths.length === 1 ? paths[0]! : `${paths.length} paths, ${paths[0]!} among them`;
}
