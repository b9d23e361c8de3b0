/** The content diffs of a list of drifts. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ContentDiff, contentDiff, contentSides, type Side } from '#core/content-diff';
import type { DriftRecord, Store } from '#store/store';

/** Diffs in one answer; the drifts after them say `limit`. */
export const maxDiffsPerAnswer = 50;

const absent: Side = { text: '' };

/** By the drift's path; a drift that is not about content has none. */
export async function driftContents(
  store: Store,
  node: string,
  drift: readonly DriftRecord[],
): Promise<ReadonlyMap<string, ContentDiff>> {
  const contents = new Map<string, ContentDiff>();
  let diffs = 0;
  for (const record of drift) {
    const sides = contentSides(record);
    if (!sides) continue;
    const { path } = record;
    if (diffs >= maxDiffsPerAnswer) {
      contents.set(path, { withheld: 'limit' });
      continue;
    }
    const side = async (sha256: string | null): Promise<Side> =>
      sha256 === null ? absent : store.contents.find(node, { path, sha256 });
    const content = contentDiff(path, await side(sides.before), await side(sides.after));
    contents.set(path, content);
    if ('diff' in content) diffs += 1;
    await nextTurn(); // each may take some milliseconds
  }
  return contents;
}
