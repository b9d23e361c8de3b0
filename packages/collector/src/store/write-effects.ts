/** Writes what a decision asks for. Runs inside an operation's savepoint. */
import type { ManifestRecord, NodeEffects, NodeView } from '#core/node-state';
import type { ManifestHead } from '#store/manifest-rows';
import { type NodeRecord, noDrift } from '#store/node-rows';
import type { Tables } from '#store/tables';

/** Writes `effects` and whatever follows them; `viewOf` reads what is written so far. */
export function writeAll(
  tables: Tables,
  before: NodeRecord | null,
  effects: NodeEffects,
  viewOf: (written: NodeRecord) => NodeView,
): { readonly record: NodeRecord; readonly manifests: readonly ManifestRecord[] } {
  const manifests: ManifestRecord[] = [];
  let record = before;
  for (let next: NodeEffects | null = effects; next; ) {
    const written = writeEffects(tables, record, next);
    manifests.push(...next.manifests);
    next = next.followedBy?.(viewOf(written)) ?? null;
    record = written;
  }
  return { record: record!, manifests };
}

/** `before` is null for a node that is new. Returns its record as it is now. */
function writeEffects(tables: Tables, before: NodeRecord | null, effects: NodeEffects): NodeRecord {
  const { manifests, nodes, baselines, drifts, unknown, history, audit, commands, acknowledgements } = tables;
  const { state, scope, drift } = effects;
  const now = effects.newBaseline?.acceptedAt ?? state.lastReportAt; // only these two move drift
  if (scope) manifests.addScope(scope.digest, scope.document);
  for (const bucket of effects.buckets) manifests.addBucket(bucket);
  for (const manifest of effects.manifests) manifests.addManifest(manifest);
  const head = (digest: string | undefined | null): ManifestHead | null => {
    if (digest === undefined || digest === null) return null;
    const known = [before?.observed, before?.baseline].find((one) => one?.digest === digest);
    const found = known ?? manifests.head(digest);
    if (!found) throw new Error(`a decision refers to the manifest ${digest}, which it did not write`);
    return found;
  };
  const seen = {
    state,
    observed: head(state.observed),
    baseline: head(state.baseline?.manifest),
    drift: before?.drift ?? noDrift,
    unknownPaths: before?.unknownPaths ?? 0,
  };
  const id = before?.id ?? nodes.add(seen);
  const record: NodeRecord = {
    ...seen,
    id,
    drift: drifts.apply(id, seen.drift, drift, now),
    unknownPaths: seen.unknownPaths + unknown.apply(id, drift),
    commands: commands.apply(id, before?.commands ?? [], effects.commandsDone, effects.commands),
  };
  nodes.update(before, record);
  tables.aide.apply(id, [before?.state.aide ?? null, state.aide], effects.aide, {
    before: before?.state.baseline?.sequence ?? null,
    after: state.baseline?.sequence ?? null,
  });
  if (effects.newBaseline) {
    baselines.add(id, effects.newBaseline, head(effects.newBaseline.manifest)!.id);
  }
  if (effects.expected) tables.windows.apply(id, effects.expected);
  if (effects.jobResult) tables.jobs.accept(id, effects.jobResult, now);
  if (effects.acknowledge) acknowledgements.apply(id, effects.acknowledge);
  for (const event of effects.events) history.addEvent(id, event);
  if (effects.audit) audit.add(effects.audit);
  if (before?.observed && before.observed.id !== record.observed?.id) {
    manifests.dropUnused(before.observed.id);
  }
  return record;
}
