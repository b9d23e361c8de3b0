/**
 * What a report does to what is known of AIDE on a node. Rules, in order:
 * 1. What the agent tells of AIDE is taken as it is. A run is judged once.
 * 2. A run that cannot be relied on starts drift and ends none, and moves nothing (aide-run.ts says why it cannot).
 * 3. A first database becomes AIDE's baseline as soon as the node has a baseline.
 * 4. What AIDE had found, and our engine since sees put back, is dropped as far as our engine can see it; AIDE is asked
 *    to look again, at once or when it may be asked again.
 */
import type { AideReport } from '@holdfast/shared/wire-aide';
import type { Report } from '@holdfast/shared/wire';
import { findingEvents } from '#core/aide-events';
import { AideDraft, type FinishedAide, mayAsk } from '#core/aide-record';
import { withoutOvertaken } from '#core/aide-judge';
import { judgeRun } from '#core/aide-run';
import type { AideState } from '#core/aide-state';
import { isSameEntry, type ManifestSide } from '#core/manifest-edit';
import { entryOf, nativeEntries } from '#core/native-entries';
import type { EventRecord, Millis, NodeState, NodeView } from '#core/node-state';

export interface AideIntake {
  readonly report: Report;
  /** Of the node's baseline after the report; null if it has none. */
  readonly baseline: ManifestSide | null;
  /** After the report; null if nothing was ever observed. */
  readonly observed: ManifestSide | null;
  /** Buckets in which our engine's entries can have changed. */
  readonly touched: readonly number[];
  readonly now: Millis;
}

export interface TakenAide extends FinishedAide {
  /** What only AIDE saw. */
  readonly events: readonly EventRecord[];
}

/** `state` is the node's with the report in it. Null: nothing is known of AIDE, or nothing changes. */
export function takeAide(view: NodeView, state: NodeState, intake: AideIntake): TakenAide | null {
  const { report, touched, now } = intake;
  const isDue = state.aide?.isWanted === true && mayAsk(state.aide, now);
  const isQuiet = !report.aide && touched.length === 0 && !adoptsNewest(state) && !isDue;
  const before = state.aide ?? (report.aide ? firstState(report.aide) : null);
  if (!before || isQuiet) return null;
  const draft = new AideDraft(before, view.aide);
  if (report.aide) {
    const { status, reason, version, degraded } = report.aide;
    draft.state = { ...draft.state, told: { status, reason, version, degraded } };
  }
  const moved = movedInReport(view, intake);
  const run = report.aide?.run;
  if (run && run.id !== before.run?.id) judgeRun(draft, run, { ...intake, view, moved });
  if (adoptsNewest({ aide: draft.state, baseline: state.baseline })) {
    draft.state = { ...draft.state, baseline: draft.state.newest };
  }
  if (touched.length > 0) dropOvertaken(draft, intake, moved);
  const finished = draft.finish(now);
  if (finished.findings === null) return { ...finished, events: [] };
  const stood = before.findings === 0 ? [] : view.aide.allFindings();
  const native = nativeEntries(intake.baseline, intake.observed);
  return { ...finished, events: findingEvents(stood, finished.findings, native, now) };
}

function adoptsNewest({ aide, baseline }: Pick<NodeState, 'aide' | 'baseline'>): boolean {
  return aide !== null && aide.baseline === null && aide.newest !== null && baseline !== null;
}

function firstState({ status, reason, version, degraded }: AideReport): AideState {
  return {
    told: { status, reason, version, degraded },
    run: null,
    objection: null,
    baseline: null,
    newest: null,
    offered: null,
    findings: 0,
    pending: 0,
    disagreements: 0,
    tag: '',
    askedAt: null,
  };
}

/** Whether the report itself says that a path has changed. */
function movedInReport(view: NodeView, { report, observed }: AideIntake): (path: string) => boolean {
  const told = new Set(report.events.map(({ path }) => path));
  const held = view.state?.observed ?? null;
  const before =
    held === null
      ? () => null
      : entryOf({
          record: view.manifest(held),
          entries: (index) => view.bucket(view.manifest(held).bucketDigests[index]!),
        });
  const after = entryOf(observed);
  return (path) => told.has(path) || !isSameEntry(before(path), after(path));
}

function dropOvertaken(
  draft: AideDraft,
  { baseline, observed }: AideIntake,
  moved: (path: string) => boolean,
): void {
  const native = nativeEntries(baseline, observed);
  const { findings, disagreements } = draft;
  const left = findings.map((finding) => (moved(finding.path) ? withoutOvertaken(finding, native) : finding));
  if (left.some((finding, i) => finding !== findings[i])) {
    draft.findings = left.filter((finding) => finding !== null);
    draft.ask();
  }
  const still = disagreements.filter(({ path, native: entry }) => isSameEntry(native.observed(path), entry));
  if (still.length < disagreements.length) draft.disagreements = still;
}
