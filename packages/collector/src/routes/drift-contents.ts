/** The content diffs of a list of drifts. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ContentDiff, contentDiff, contentSides, type Side } from '#core/content-diff';
import type { DriftRecord, Store } from '#store/store';

/** Diffs in one answer; the drifts after them say `limit`. */
export const maxDiffsPerAnswer = 50;

const absent: Side = { text: '' };
const notListed: Side = { withheld: 'not-listed' };
/** How long one turn of the event loop may take, but for one diff, which may take some milliseconds more. */
const sliceMs = 5;

/** By the drift's path; a drift that is not about content has none. */
export async function driftContents(
  store: Store,
  node: string,
  drift: readonly DriftRecord[],
): Promise<ReadonlyMap<string, ContentDiff>> {
  const contents = new Map<string, ContentDiff>();
  // Few files are listed, and 100,000 may drift.
  const listed = await store.contents.listed(node);
  let diffs = 0;
  let until = performance.now() + sliceMs;
  for (const record of drift) {
    const sides = contentSides(record);
    if (!sides) continue;
    const { path } = record;
    if (diffs >= maxDiffsPerAnswer) {
      contents.set(path, { withheld: 'limit' });
      continue;
    }
    const find = async (sha256: string): Promise<Side> =>
      listed.has(path) ? store.contents.find(node, { path, sha256 }) : notListed;
    const side = async (sha256: string | null) => (sha256 === null ? absent : find(sha256));
    const content = contentDiff(path, await side(sides.before), await side(sides.after));
    contents.set(path, content);
    if ('diff' in content) diffs += 1;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + sliceMs;
  }
  return contents;
}
