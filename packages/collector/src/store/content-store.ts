/** The contents of nodes' files, as the store offers them. The guarantees are those of store.ts. */
import type { ContentItem } from '@holdfast/shared/content';
import type { Millis } from '#core/node-state';
import { baselineContents } from '#store/content-rows';
import type { GroupCommit } from '#store/group-commit';
import type { NodeCache } from '#store/node-cache';
import { reading } from '#store/storage-error';
import type { Tables } from '#store/tables';

/** The content of a file, by the file's own digest. */
export interface ContentKey {
  readonly path: string;
  readonly sha256: string;
}

export type StoredContent =
  | { readonly text: string }
  | { readonly withheld: NonNullable<ContentItem['withheld']> | 'not-listed' | 'not-told' };

export interface ContentStore {
  /**
   * Takes over what a node's files on its allow-list hold; of what they held before, what its baselines have and what was told lately stays.
   * Returns the digests of texts that are lacking; null if there is no such node.
   */
  tell(node: string, items: readonly ContentItem[], at: Millis): Promise<string[] | null>;
  /** Returns false, and writes nothing, if no file of the node has this text. */
  addText(node: string, digest: string, text: string): Promise<boolean>;
  find(node: string, key: ContentKey): Promise<StoredContent>;
  /** Paths of the node of which any content was ever told, or why it was not; all others are `not-listed`. */
  listed(node: string): Promise<ReadonlySet<string>>;
}

export function contentStore(commits: GroupCommit, cache: NodeCache, tables: Tables): ContentStore {
  const { contents } = tables;
  return {
    tell: (node, items, at) =>
      commits.run(() => {
        const record = cache.current(node);
        if (!record || record.state.deletedAt !== null) return null;
        return contents.replace(record.id, items, at, baselineContents(tables, record));
      }),
    addText: (node, digest, text) =>
      commits.run(() => {
        const record = cache.current(node);
        return record !== null && contents.addText(record.id, digest, text);
      }),
    async find(node, key) {
      const record = cache.durable(node);
      return record ? reading(() => contents.find(record.id, key)) : { withheld: 'not-told' };
    },
    async listed(node) {
      const record = cache.durable(node);
      return record ? reading(() => contents.listed(record.id)) : new Set();
    },
  };
}
