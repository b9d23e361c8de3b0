import type { Entry, UnreadReason } from '@holdfast/shared/entry';
import type { ScopeAttribute } from '@holdfast/shared/scope';
import { deviceText, entryTypeOf, type FileStat } from './file-stat.ts';

/** What a read found beyond lstat. */
export type Content =
  | { readonly kind: 'none' }
  | { readonly kind: 'sha256'; readonly sha256: string }
  | { readonly kind: 'target'; readonly target: string }
  | { readonly kind: 'unread'; readonly reason: UnreadReason };

export const noContent: Content = { kind: 'none' };

/** The entry of `path` with the attributes that count. `type` always does. */
export function makeEntry(
  path: string,
  counting: ReadonlySet<ScopeAttribute>,
  stat: FileStat,
  content: Content,
): Entry {
  const type = entryTypeOf(stat.mode);
  const entry: Entry = { path, type };
  if (counting.has('mode')) entry.mode = stat.mode & 0o7777;
  if (counting.has('uid')) entry.uid = stat.uid;
  if (counting.has('gid')) entry.gid = stat.gid;
  if (type === 'file' && counting.has('sha256') && isSizeKnown(content)) entry.size = stat.size;
  if (counting.has('device') && (type === 'character-device' || type === 'block-device')) {
    entry.device = deviceText(stat.rdev);
  }
  switch (content.kind) {
    case 'none':
      break;
    case 'sha256':
      entry.sha256 = content.sha256;
      break;
    case 'target':
      entry.target = content.target;
      break;
    case 'unread':
      entry.unread = content.reason;
      break;
  }
  return entry;
}

/** The size of a file that kept changing is that of a moment; that of a detached one is not the host's. */
function isSizeKnown(content: Content): boolean {
  return content.kind !== 'unread' || (content.reason !== 'unstable' && content.reason !== 'detached');
}
