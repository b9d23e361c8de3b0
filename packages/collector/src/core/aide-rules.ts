/**
 * When AIDE's baseline follows an acceptance: the one place that says whether a new row may take the place of the old.
 *
 * It may if what both engines see equals the accepted entry, and what only AIDE sees equals the old row, or the row that
 * was reviewed. So a change that was accepted at noon does not alert at night, and one that slipped in between does.
 *
 * - What our entry does not hold of a path (the scope leaves it out, or it could not be read) only AIDE sees.
 * - What AIDE could not measure any more is not equal to anything.
 * - A path that is new to AIDE, or was of another type, has no old row: it must be ordinary, as `touch` would make it.
 */
import {
  aideOnlyAttributes,
  type AideAttribute,
  type AideOnlyAttribute,
  type AideRow,
  type CommonAttribute,
  commonAttributes,
} from '@holdfast/shared/aide-row';
import type { Entry } from '@holdfast/shared/entry';
import type { PendingPath } from '#core/aide-state';

export interface RowsOfPath {
  /** In the baseline; null if it has none. */
  readonly old: AideRow | null;
  /** In the new database; null if it has none. */
  readonly next: AideRow | null;
  readonly reviewed: PendingPath['reviewed'];
  /** Of the node's baseline; null if it has none. */
  readonly accepted: Entry | null;
}

export function mayReplace({ old, next, reviewed, accepted }: RowsOfPath): boolean {
  if (next === null || accepted === null) return next === null && accepted === null;
  const onlyAide: AideAttribute[] = [...aideOnlyAttributes];
  const like = old?.type === next.type ? old : null;
  for (const name of commonAttributes) {
    const should = ofEntry(accepted, name);
    if (should === undefined) onlyAide.push(name);
    else if (next[name] === undefined && like !== null && like[name] === undefined) continue;
    else if (next[name] !== should) return false;
  }
  if (reviewed?.row?.type === next.type && isSame(next, reviewed.row, onlyAide)) return true;
  return like === null ? unusual(next).length === 0 : isSame(next, like, onlyAide);
}

/** What both engines measured of a path and see differently. */
export function disagreeing(row: AideRow, entry: Entry): CommonAttribute[] {
  if (entry.unread === 'stale') return [];
  return commonAttributes.filter((name) => {
    const [theirs, ours] = [row[name], ofEntry(entry, name)];
    return theirs !== undefined && ours !== undefined && theirs !== ours;
  });
}

/** Whether AIDE's row is what the entry says, where both measured it. */
export function agrees(row: AideRow | null, entry: Entry | null): boolean {
  if (row === null || entry === null) return row === null && entry === null;
  return disagreeing(row, entry).length === 0;
}

function ofEntry(entry: Entry, name: CommonAttribute): string | number | undefined {
  if (name === 'type' && entry.type === 'mount') return 'directory';
  return entry[name];
}

/**
 * What only AIDE sees and the older row lacks was not looked at then, and is taken as it is; not so a content, which could
 * not be read then.
 */
function isSame(next: AideRow, old: AideRow, names: readonly AideAttribute[]): boolean {
  return names.every((name) => (old[name] === undefined && !isCommon(name)) || next[name] === old[name]);
}

export function isCommon(name: AideAttribute): name is CommonAttribute {
  return (commonAttributes as readonly string[]).includes(name);
}

/**
 * What a file that was just made does not have: a list, capabilities, attributes of its own but a label, being immutable or
 * append-only, a second name.
 */
export function unusual(row: AideRow): AideOnlyAttribute[] {
  const { acl = '', caps = '', xattrs = '', e2fsattrs = '', linkCount = 1, type } = row;
  const ownAttributes = xattrs
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('security.selinux '));
  const is: Partial<Record<AideOnlyAttribute, boolean>> = {
    acl: acl !== '',
    xattrs: ownAttributes.length > 0,
    caps: caps !== '',
    e2fsattrs: /[ia]/.test(e2fsattrs.split(' ')[0] ?? ''),
    linkCount: linkCount !== 1 && type !== 'directory',
  };
  return aideOnlyAttributes.filter((name) => is[name] === true);
}
