/** Entries and findings as people read them, one line each. Paths and targets are text forms: they break no line. */
import type { Change, Finding, UnknownReason } from '@holdfast/shared/compare';
import type { Attribute, Entry } from '@holdfast/shared/entry';

/** Twelve digits tell any two files of a host apart; the whole digest is in the JSON form. */
const shownDigits = 12;

export function findingLine({ path, drift, unknown }: Finding): string {
  const label = (drift?.change ?? 'unknown').padEnd(7);
  const details: string[] = [];
  if (drift) details.push(changeText(drift));
  if (unknown) details.push(drift ? `unknown: ${unknownTexts[unknown]}` : unknownTexts[unknown]);
  return `${label}  ${path}  ${details.join('; ')}`;
}

export interface FindingCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Paths of which something is unknown, also beside a drift. */
  readonly unknown: number;
}

export function countFindings(findings: readonly Finding[]): FindingCounts {
  const counts = { added: 0, removed: 0, changed: 0, unknown: 0 };
  for (const { drift, unknown } of findings) {
    if (drift) counts[drift.change] += 1;
    if (unknown) counts.unknown += 1;
  }
  return counts;
}

function changeText({ attributes, before, after }: Change): string {
  if (before && after) {
    return attributes.map((attribute) => attributeChange(attribute, before, after)).join(', ');
  }
  return after ? entryText(after) : before ? `was ${entryText(before)}` : '';
}

function attributeChange(attribute: Attribute, before: Entry, after: Entry): string {
  if (attribute === 'detached') return 'the host has replaced the file behind this mount';
  return `${attribute} ${attributeText(attribute, before)} → ${attributeText(attribute, after)}`;
}

/** `file 0644 0:0 12 bytes sha256 2c26b46b68ff…`: what was measured of an entry. */
export function entryText(entry: Entry): string {
  const parts: string[] = [entry.type];
  if (entry.mode !== undefined) parts.push(modeText(entry.mode));
  if (entry.uid !== undefined || entry.gid !== undefined) parts.push(ownerText(entry));
  if (entry.size !== undefined) parts.push(`${entry.size} bytes`);
  if (entry.sha256 !== undefined) parts.push(`sha256 ${shortDigest(entry.sha256)}`);
  if (entry.target !== undefined) parts.push(`→ ${entry.target}`);
  if (entry.device !== undefined) parts.push(`device ${entry.device}`);
  return parts.join(' ');
}

function attributeText(attribute: Exclude<Attribute, 'detached'>, entry: Entry): string {
  const value = entry[attribute];
  if (value === undefined) return 'none';
  if (attribute === 'mode') return modeText(Number(value));
  if (attribute === 'sha256') return shortDigest(String(value));
  return String(value);
}

export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

export function ownerText({ uid, gid }: Entry): string {
  return `${uid ?? '?'}:${gid ?? '?'}`;
}

export function shortDigest(digest: string): string {
  return `${digest.slice(0, shownDigits)}…`;
}

export const unknownTexts: Readonly<Record<UnknownReason, string>> = {
  permission: 'no permission to read it',
  'io-error': 'reading it failed',
  'too-large': 'larger than the size limit, not hashed',
  unstable: 'changed while it was read, three times',
  stale: 'its directory can no longer be listed',
  detached: 'the mount shows a file that the host has replaced',
  unmeasured: 'an attribute of the baseline was not measured',
  unreadable: 'its directory cannot be read',
  missing: 'the tree that it lies in is not there',
  empty: 'the tree that it lies in is empty',
  mount: 'another file system is mounted above it',
  'left-scope': 'the scope no longer takes it in',
  'entered-scope': 'new in the scope, not in the baseline',
};
