/** Takes a report's entries into a copy of what is held, and checks that this leads where the report says. */
import type { BlindSpot } from '@holdfast/shared/visibility';
import { maxReportEntries, type Report } from '@holdfast/shared/wire';
import { type EntryChange, ManifestEdit, type ManifestSide, sideOf } from '#core/manifest-edit';
import type { BucketRecord, ManifestRecord, NodeView } from '#core/node-state';
import { compileForeignScope, type Scope } from '@holdfast/shared/scope';

/** The most entries that one node's manifest may have. */
export const maxManifestEntries = maxReportEntries;

/** What the node observes after a report. */
export interface Observed {
  readonly kind: 'observed';
  readonly side: ManifestSide;
  readonly buckets: readonly BucketRecord[];
  readonly blindSpots: readonly BlindSpot[];
  /** Whether this is another manifest than the one before. */
  readonly isNew: boolean;
  /** Whether the node had none before. */
  readonly isFirst: boolean;
  /** Buckets in which something can have changed. */
  readonly touched: readonly number[];
  /** The scope of the manifest before, if that was another one. */
  readonly leftScope: string | null;
  /** Paths in both scopes that changed. Read once. */
  readonly changes: Iterable<EntryChange>;
}

export type AppliedReport =
  | Observed
  | { readonly kind: 'mismatch'; readonly detail: string }
  | { readonly kind: 'contradicts'; readonly detail: string };

/** `report.result` must not be null. */
export function applyReport(view: NodeView, report: Report): AppliedReport {
  const held = view.state?.observed ?? null;
  if (report.base !== held) {
    return {
      kind: 'mismatch',
      detail: `the report starts from ${report.base ?? 'nothing'}, held is ${held ?? 'nothing'}`,
    };
  }
  const base = held === null ? null : view.manifest(held);
  const edit = editOf(view, base, report);
  if (base && !edit && base.scopeDigest === report.scope.digest && report.result === held) {
    return contradiction(report, base) ?? unchanged(view, base, report);
  }
  const finished = (edit ?? new ManifestEdit(base, view)).finish(report.scope.digest);
  const { record } = finished.side;
  if (record.digest !== report.result) {
    return { kind: 'mismatch', detail: `the report leads to ${record.digest}, not to ${report.result}` };
  }
  const leftScope = base && base.scopeDigest !== report.scope.digest ? base.scopeDigest : null;
  const changes = edit?.changes() ?? [];
  return (
    contradiction(report, record) ?? {
      kind: 'observed',
      side: finished.side,
      buckets: finished.buckets,
      blindSpots: report.blindSpots,
      isNew: record.digest !== held,
      isFirst: held === null,
      touched: edit?.touched() ?? [],
      leftScope,
      changes: leftScope === null ? changes : withinBothScopes(view, changes, leftScope, report),
    }
  );
}

/** Null where the report brings no entries. */
function editOf(view: NodeView, base: ManifestRecord | null, report: Report): ManifestEdit | null {
  if (report.buckets.length + report.upserts.length + report.removed.length === 0) return null;
  const edit = new ManifestEdit(base, view);
  for (const { index, entries } of report.buckets) edit.replace(index, entries);
  for (const entry of report.upserts) edit.set(entry);
  for (const path of report.removed) edit.delete(path);
  return edit;
}

function contradiction(report: Report, record: ManifestRecord): AppliedReport | null {
  if (record.entries > maxManifestEntries) {
    return { kind: 'contradicts', detail: `the manifest has more than ${maxManifestEntries} entries` };
  }
  if (record.entries !== report.entries) {
    const detail = `the report counts ${report.entries} entries, its result has ${record.entries}`;
    return { kind: 'contradicts', detail };
  }
  return null;
}

function unchanged(view: NodeView, base: ManifestRecord, { blindSpots }: Report): Observed {
  return {
    kind: 'observed',
    side: sideOf(base, view),
    buckets: [],
    blindSpots,
    isNew: false,
    isFirst: false,
    touched: [],
    leftScope: null,
    changes: [],
  };
}

/** What entered or left with the scope did not change on the node. */
function* withinBothScopes(
  view: NodeView,
  changes: Iterable<EntryChange>,
  leftScope: string,
  { scope }: Report,
): Generator<EntryChange> {
  const before = compileKnown(view.scope(leftScope));
  const after = compileKnown(scope.document ?? view.scope(scope.digest));
  for (const change of changes) {
    if (before?.match(change.path) && after?.match(change.path)) yield change;
  }
}

function compileKnown(scope: Scope | null) {
  return scope && compileForeignScope(scope);
}
