/** Removes what is older than the retention, or too much, and what nothing refers to; in short steps. */
import type { Millis } from '#core/node-state';
import type { GroupCommit } from '#store/group-commit';
import type { NodeRecord } from '#store/node-rows';
import { dropOldBaselines } from '#store/old-baselines';
import type { SpaceOnDisk } from '#store/space-on-disk';
import type { Tidied } from '#store/store';
import type { Tables } from '#store/tables';
import type { UnusedBuckets } from '#store/unused-buckets';

const eventsPerStep = 500;
const driftsPerStep = 200;
const sweepsPerStep = 5;

export interface TidyParts {
  readonly tables: Tables;
  readonly commits: GroupCommit;
  readonly nodes: readonly NodeRecord[];
  readonly unused: UnusedBuckets;
  readonly space: SpaceOnDisk;
}

/** `random` is from 0 to 1. See `Store.tidy`. */
export async function tidyUp(
  { tables, commits, nodes, unused, space }: TidyParts,
  {
    before,
    maxBytes,
    random,
  }: { readonly before: Millis; readonly maxBytes: number; readonly random: number },
): Promise<Tidied> {
  const { history, drifts, acknowledgements, aideDatabases, jobs, windows } = tables;
  let events = await dropAll(commits, (slice) => history.dropEvents(before, slice), eventsPerStep);
  let ended = await dropAll(commits, (slice) => drifts.dropEnded(before, slice), driftsPerStep);
  const sweeps = await dropAll(commits, (slice) => tables.sweeps.drop(before, slice), sweepsPerStep);
  await commits.run(() => aideDatabases.dropStale(before));
  let baselines = await dropOldBaselines(tables.baselines, commits, nodes, before);
  let removed = await unused.remove(random);
  while (space.usedBytes() > maxBytes) {
    const oldEvents = await commits.run(() => history.dropEvents(Infinity, eventsPerStep));
    const oldDrifts = await commits.run(() => drifts.dropEnded(Infinity, driftsPerStep));
    if (oldEvents + oldDrifts === 0) break;
    events += oldEvents;
    ended += oldDrifts;
  }
  if (space.usedBytes() > maxBytes) {
    baselines += await dropOldBaselines(tables.baselines, commits, nodes, Infinity);
    const more = await unused.remove(random);
    removed = { manifests: removed.manifests + more.manifests, buckets: removed.buckets + more.buckets };
  }
  await dropAll(commits, (slice) => acknowledgements.drop(before, slice), driftsPerStep);
  await dropAll(commits, (slice) => jobs.drop(before, slice), driftsPerStep);
  await dropAll(commits, (slice) => windows.drop(before, slice), driftsPerStep);
  await space.giveBack();
  return { events, drifts: ended, sweeps, baselines, ...removed };
}

async function dropAll(
  commits: GroupCommit,
  drop: (slice: number) => number,
  slice: number,
): Promise<number> {
  let dropped = 0;
  for (let more = slice; more > 0; dropped += more) more = await commits.run(() => drop(slice));
  return dropped;
}
