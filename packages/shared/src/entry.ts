/**
 * What was recorded about one path, and its canonical line: the text that digests cover and that buckets are stored
 * as. An entry holds only the attributes that count for its path, so equal lines mean "no difference".
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { isByteText, isPathText } from './path-text.ts';

/** `mount` is a place where another file system is mounted that the scope does not enter: nothing but its being there is known. */
export const entryTypes = [
  'file',
  'directory',
  'symlink',
  'fifo',
  'socket',
  'character-device',
  'block-device',
  'mount',
] as const;
export type EntryType = (typeof entryTypes)[number];

/**
 * Why part of an entry could not be measured.
 * - `permission`, `io-error`: the kernel refused to open, read or list it.
 * - `too-large`: above the size limit; not hashed.
 * - `unstable`: it changed during each of three reads.
 * - `stale`: it lies in a directory that can no longer be listed; the entry is what was seen before.
 * - `detached`: a mounted file or directory that the host has replaced or moved; the mount still shows the old one.
 */
export const unreadReasons = [
  'permission',
  'io-error',
  'too-large',
  'unstable',
  'stale',
  'detached',
] as const;
export type UnreadReason = (typeof unreadReasons)[number];

/** The attributes that an entry can carry and a comparison can name. */
export const attributes = [
  'type',
  'mode',
  'uid',
  'gid',
  'size',
  'sha256',
  'target',
  'device',
  'detached',
] as const;
export type Attribute = (typeof attributes)[number];

const uint32 = { minimum: 0, maximum: 0xffff_ffff } as const;

export const Entry = Type.Object(
  {
    /** Text form, see path-text.ts. */
    path: Type.String({ minLength: 1, maxLength: 12_288 }),
    type: Type.Enum([...entryTypes]),
    /** Permission bits, 0–07777. */
    mode: Type.Optional(Type.Integer({ minimum: 0, maximum: 0o7777 })),
    uid: Type.Optional(Type.Integer(uint32)),
    gid: Type.Optional(Type.Integer(uint32)),
    /** Bytes. Goes with `sha256`: recorded for regular files whose content counts. */
    size: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    /** Lower-case hex. */
    sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
    /** A symlink's target, in text form. */
    target: Type.Optional(Type.String({ maxLength: 12_288 })),
    /** `major:minor` of a device file. */
    device: Type.Optional(Type.String({ pattern: '^[0-9]{1,10}:[0-9]{1,10}$' })),
    unread: Type.Optional(Type.Enum([...unreadReasons])),
  },
  { additionalProperties: false },
);
export type Entry = Static<typeof Entry>;

/** Beyond its schema: whether the entry's path and target are canonical text forms. */
export function hasCanonicalText(entry: Entry): boolean {
  return isPathText(entry.path) && (entry.target === undefined || isByteText(entry.target));
}

/**
 * The canonical line, without a newline: the path, then `key=value` for each attribute that is there, in a frozen
 * order, separated by tabs (text forms hold none). A new attribute is appended with a new key.
 */
export function entryLine(entry: Entry): string {
  const fields = [entry.path, `t=${entry.type}`];
  if (entry.mode !== undefined) fields.push(`m=${octal(entry.mode)}`);
  if (entry.uid !== undefined) fields.push(`u=${entry.uid}`);
  if (entry.gid !== undefined) fields.push(`g=${entry.gid}`);
  if (entry.size !== undefined) fields.push(`s=${entry.size}`);
  if (entry.sha256 !== undefined) fields.push(`h=${entry.sha256}`);
  if (entry.target !== undefined) fields.push(`l=${entry.target}`);
  if (entry.device !== undefined) fields.push(`d=${entry.device}`);
  if (entry.unread !== undefined) fields.push(`x=${entry.unread}`);
  return fields.join('\t'); // one flat string: ropes would be flattened again for every digest
}

/** The entry that {@link entryLine} made `line` of. Throws on a line that it cannot have made. */
export function parseEntryLine(line: string): Entry {
  const [path, ...fields] = line.split('\t');
  const entry: Partial<Entry> = { path: path ?? '' };
  for (const field of fields) {
    const value = field.slice(2);
    switch (field.slice(0, 2)) {
      case 't=':
        entry.type = value as EntryType;
        break;
      case 'm=':
        entry.mode = Number.parseInt(value, 8);
        break;
      case 'u=':
        entry.uid = Number(value);
        break;
      case 'g=':
        entry.gid = Number(value);
        break;
      case 's=':
        entry.size = Number(value);
        break;
      case 'h=':
        entry.sha256 = value;
        break;
      case 'l=':
        entry.target = value;
        break;
      case 'd=':
        entry.device = value;
        break;
      case 'x=':
        entry.unread = value as UnreadReason;
        break;
      default:
        throw new Error(`entry line with an unknown field: ${JSON.stringify(field)}`);
    }
  }
  if (!entry.path || !entry.type || !entryTypes.includes(entry.type)) {
    throw new Error(`not an entry line: ${JSON.stringify(line.slice(0, 200))}`);
  }
  return entry as Entry;
}

const octalTexts: string[] = [];

/** `mode` in octal; remembered, because a node has a dozen modes and thousands of entries. */
function octal(mode: number): string {
  return (octalTexts[mode] ??= mode.toString(8));
}
