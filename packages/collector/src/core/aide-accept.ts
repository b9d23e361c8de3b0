/**
 * AIDE's part of an acceptance, a restore and an undo. Rules:
 * 1. What AIDE had found of an accepted path was reviewed with it. Where the newest database says already what the new
 *    baseline wants (aide-rules.ts), its row is taken at once; else the path waits for the next run.
 * 2. An accepted path of which AIDE has found nothing waits too: its row in AIDE's baseline is the old one.
 * 3. An acceptance of everything takes over what waits for an operator: the database of a run with another configuration;
 *    and where AIDE's baseline is lost, AIDE may begin anew.
 * 4. A baseline that comes back brings its rows back, and what the newest run saw is judged against them. What waited for
 *    AIDE no longer does: it was accepted into the baseline that was left.
 */
import { type AideDatabase, readAideDatabase } from '@holdfast/shared/aide-database';
import { rowOf } from '@holdfast/shared/aide-row';
import { judgeDatabases } from '#core/aide-judge';
import { allButRowsOf, withRowsOf } from '#core/aide-merge';
import { AideDraft, type FinishedAide } from '#core/aide-record';
import { agrees, mayReplace } from '#core/aide-rules';
import type { PendingPath } from '#core/aide-state';
import type { ManifestSide } from '#core/manifest-edit';
import { nativeEntries } from '#core/native-entries';
import type { Millis, NodeState, NodeView } from '#core/node-state';

export interface AideAcceptance {
  readonly isAll: boolean;
  readonly selects: (path: string) => boolean;
  /** Paths that the acceptance changes in the node's own baseline. */
  readonly changed: Iterable<string>;
  /** The node's baseline after the acceptance. */
  readonly baseline: ManifestSide;
  readonly now: Millis;
}

export interface AcceptedAide extends FinishedAide {
  /** Paths whose finding was accepted. */
  readonly accepted: ReadonlySet<string>;
  /** Whether AIDE's baseline, or what waits for it, is another one than before. */
  readonly isMoved: boolean;
}

/** Null: nothing is known of AIDE on the node. */
export function acceptAide(view: NodeView, state: NodeState, asked: AideAcceptance): AcceptedAide | null {
  if (!state.aide) return null;
  const draft = new AideDraft(state.aide, view.aide);
  const reviewed = new Map(
    draft.findings
      .filter(({ path }) => asked.selects(path))
      .map(({ path, after }): [string, PendingPath] => [path, { path, reviewed: { row: after } }]),
  );
  const accepted = new Set(reviewed.keys());
  const waiting = new Map(draft.pending.map((each) => [each.path, each]));
  for (const path of asked.changed) waiting.set(path, waiting.get(path) ?? { path, reviewed: null });
  for (const [path, each] of reviewed) waiting.set(path, each);
  if (asked.isAll && mayBeginAnew(state)) beginAnew(draft);
  else if (asked.isAll && draft.state.offered) takeOffered(draft, waiting, asked);
  else takeNewest(draft, waiting, accepted, asked);
  if (!draft.state.baseline) waiting.clear();
  if (accepted.size > 0) draft.findings = draft.findings.filter(({ path }) => !accepted.has(path));
  if (waiting.size > 0 || draft.pending.length > 0) draft.pending = [...waiting.values()];
  const before = state.aide.baseline?.digest;
  const isMoved = accepted.size > 0 || before !== draft.state.baseline?.digest;
  return { ...draft.finish(asked.now), accepted, isMoved };
}

function mayBeginAnew({ aide }: NodeState): boolean {
  return aide?.told.status === 'tampered' && aide.baseline !== null;
}

function beginAnew(draft: AideDraft): void {
  draft.state = { ...draft.state, baseline: null, newest: null, offered: null };
  draft.disagreements = [];
  draft.ask(true);
}

function takeNewest(
  draft: AideDraft,
  waiting: Map<string, PendingPath>,
  accepted: ReadonlySet<string>,
  { baseline }: AideAcceptance,
): void {
  const { newest, baseline: present } = draft.state;
  if (accepted.size === 0 || !newest || !present) return;
  const old = kept(draft, present.digest);
  const newer = kept(draft, newest.digest);
  if (!old || !newer) return;
  const native = nativeEntries(baseline, null);
  const taken = [...accepted].filter((path) =>
    mayReplace({
      old: rowAt(old, path),
      next: rowAt(newer, path),
      reviewed: waiting.get(path)?.reviewed ?? null,
      accepted: native.accepted(path),
    }),
  );
  if (taken.length === 0) return;
  draft.moveBaseline(withRowsOf(old, newer, taken), present);
  for (const path of taken) waiting.delete(path);
}

/** All of it, but for what has changed since it was made: there the old row stays. */
function takeOffered(
  draft: AideDraft,
  waiting: Map<string, PendingPath>,
  { baseline }: AideAcceptance,
): void {
  const { offered, baseline: present } = draft.state;
  const newer = offered && kept(draft, offered.digest);
  const old = present && kept(draft, present.digest);
  if (!offered || !newer || !old) return;
  const native = nativeEntries(baseline, null);
  const changed = [...new Set([...newer.rows.keys(), ...waiting.keys()])].filter(
    (path) => !agrees(rowAt(newer, path), native.accepted(path)),
  );
  const { config: _, ...record } = offered;
  draft.moveBaseline(allButRowsOf(old, newer, changed), record);
  draft.state = { ...draft.state, newest: record, offered: null, objection: null };
  draft.ask(true);
  const left = new Set(changed);
  for (const path of waiting.keys()) if (!left.has(path)) waiting.delete(path);
}

export interface AideRestoration {
  /** Of the baseline that comes back. */
  readonly sequence: number;
  readonly baseline: ManifestSide;
  readonly observed: ManifestSide | null;
  readonly now: Millis;
}

/** Null: AIDE's baseline was the same then, or is not kept any more, and nothing waits for AIDE. */
export function restoreAide(view: NodeView, state: NodeState, asked: AideRestoration): FinishedAide | null {
  const present = state.aide?.baseline;
  if (!state.aide || !present) return null;
  const record = view.aide.baselineOf(asked.sequence) ?? present;
  if (record.digest === present.digest && state.aide.pending === 0) return null;
  const draft = new AideDraft(state.aide, view.aide);
  draft.pending = [];
  draft.ask(true);
  const old = kept(draft, record.digest);
  if (!old) return draft.finish(asked.now);
  draft.state = { ...draft.state, baseline: record };
  const newer = state.aide.newest && kept(draft, state.aide.newest.digest);
  if (newer) {
    const native = nativeEntries(asked.baseline, asked.observed);
    const moved = (path: string) => !agrees(rowAt(newer, path), native.observed(path));
    const judged = judgeDatabases({ baseline: old, newer, native, pending: new Map(), moved });
    draft.findings = judged.findings;
  }
  return draft.finish(asked.now);
}

function kept(draft: AideDraft, digest: string): AideDatabase | null {
  const text = draft.text(digest);
  const database = text === null ? null : readAideDatabase(text);
  return typeof database === 'string' ? null : database;
}

function rowAt(database: AideDatabase, path: string) {
  const line = database.rows.get(path);
  return line === undefined ? null : rowOf(line, database.spec);
}
