/** What changed inside a file, as people read it: a unified diff of scrubbed texts, or why there is none. */
import type { Change } from '@holdfast/shared/compare';
import { isContentDenied, type withheldByAgent } from '@holdfast/shared/content';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** Characters of one diff. */
export const maxDiffLength = 64 * 1024;
/** Lines that may differ: the time to find them grows with their square. */
export const maxDifferentLines = 600;
const contextLines = 3;

export type Withheld =
  | (typeof withheldByAgent)[number]
  /** The path is on the list of those that never leave a node. */
  | 'denied'
  /** The agent's allow-list does not have the path. */
  | 'not-listed'
  /** The agent has not told it yet, or the file was not on the list when it was that. */
  | 'not-told'
  /** Only what was scrubbed differs. */
  | 'scrubbed'
  | 'too-different'
  /** Enough diffs are in this answer. */
  | 'limit';

export type Side = { readonly text: string } | { readonly withheld: Withheld };
export type ContentDiff = { readonly diff: string } | { readonly withheld: Withheld };

/** The digests of the contents that a drift is between; null: there was no file. `undefined` if content is not what drifts. */
export function contentSides({
  attributes,
  before,
  after,
}: Omit<Change, 'attributes'> & { readonly attributes: readonly string[] }):
  | { readonly before: string | null; readonly after: string | null }
  | undefined {
  const digestOf = (entry: Change['before']) => (entry?.type === 'file' ? (entry.sha256 ?? null) : null);
  const sides = { before: digestOf(before), after: digestOf(after) };
  const isAddedOrRemoved = before === null || after === null;
  if (sides.before === null && sides.after === null) return undefined;
  if (sides.before === sides.after) return undefined;
  return isAddedOrRemoved || attributes.includes('sha256') || attributes.includes('type') ? sides : undefined;
}

export function contentDiff(path: string, before: Side, after: Side): ContentDiff {
  if (isContentDenied(path)) return { withheld: 'denied' };
  if ('withheld' in before) return before;
  if ('withheld' in after) return after;
  if (before.text === after.text) return { withheld: 'scrubbed' };
  const diff = createTwoFilesPatch('baseline', 'observed', before.text, after.text, '', '', {
    context: contextLines,
    maxEditLength: maxDifferentLines,
    headerOptions: FILE_HEADERS_ONLY,
  });
  if (diff === undefined || diff.length > maxDiffLength) return { withheld: 'too-different' };
  return { diff };
}
