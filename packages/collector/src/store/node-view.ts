/** What a decision reads, from the connection on which it will write. */
import type { NodeView } from '#core/node-state';
import { aideView } from '#store/aide/aide-view';
import type { NodeCache } from '#store/node-cache';
import type { NodeRecord } from '#store/node-rows';
import type { Tables } from '#store/tables';

export function nodeView(
  tables: Tables,
  cache: NodeCache,
  name: string,
  record: NodeRecord | null,
): NodeView {
  const { manifests, nodes, drifts, unknown, baselines, windows } = tables;
  // Most nodes have neither, and a decision over a whole manifest would ask the database 256 times for each.
  const drifting = record && hasDrift(record) ? record : null;
  const inDoubt = record && record.unknownPaths > 0 ? record : null;
  let fingerprints: ReadonlyMap<string, string> | undefined;
  const known = new Map([record?.observed, record?.baseline].map((head) => [head?.digest, head]));
  return {
    state: record?.state ?? null,
    manifest(digest) {
      const head = known.get(digest) ?? manifests.head(digest);
      if (!head) throw new Error(`the store lacks the manifest ${digest}`);
      return manifests.record(head);
    },
    bucket: (digest) => manifests.bucket(digest),
    standing: (index) => (drifting ? drifts.standing(drifting.id, index) : []),
    unknown: (index) => (inDoubt ? unknown.inBucket(inDoubt.id, index) : new Map()),
    standingPath: (id) => (record ? drifts.standingPath(record.id, id) : null),
    windows: (now) => windows.openOver(name, now),
    isWindowUsed: (window, path) => record !== null && windows.isUsed(window, record.id, path),
    standingFingerprints: () => (fingerprints ??= record ? drifts.fingerprints(record.id) : new Map()),
    scope: (digest) => manifests.scope(digest),
    aide: aideView(tables, record?.id ?? null),
    baseline: (sequence) => (record && baselines.get(record.id, sequence)?.record) ?? null,
    siblingEntries: (scopeDigest) => medianEntries(cache, name, scopeDigest),
    wasLost: () => nodes.isLost(name),
  };
}

function hasDrift({ drift }: NodeRecord): boolean {
  return drift.added + drift.removed + drift.changed > 0;
}

function medianEntries(cache: NodeCache, name: string, scopeDigest: string): number | null {
  const sizes: number[] = [];
  for (const { state, observed } of cache.currentAll()) {
    const isSibling = state.name !== name && state.deletedAt === null;
    if (isSibling && observed?.scopeDigest === scopeDigest) sizes.push(observed.entries);
  }
  if (sizes.length === 0) return null;
  sizes.sort((a, b) => a - b);
  return sizes[Math.floor((sizes.length - 1) / 2)]!;
}
