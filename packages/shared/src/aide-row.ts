/**
 * One row of AIDE's database. What both engines see is brought into the form of an entry; what only AIDE sees into one
 * that people can read and that moves with nothing else:
 * - An access control list holds what the mode does not say: nothing where it is minimal, and neither of its owner,
 *   its mask and the others, whose permissions are the mode. So a changed mode is not a changed list.
 * - Of an extended attribute the name, the length and a digest are shown: its content stays in the database.
 */
import { hash } from 'node:crypto';
import { type AideColumn, aidePath, type AideSpec, percentDecoded } from './aide-database.ts';
import type { EntryType } from './entry.ts';
import { encodePathText } from './path-text.ts';

/** What AIDE sees and a scan of ours does not. */
export const aideOnlyAttributes = ['acl', 'xattrs', 'caps', 'selinux', 'e2fsattrs', 'linkCount'] as const;
export type AideOnlyAttribute = (typeof aideOnlyAttributes)[number];

/** What both engines see. */
export const commonAttributes = ['type', 'mode', 'uid', 'gid', 'size', 'sha256', 'target'] as const;
export type CommonAttribute = (typeof commonAttributes)[number];

export type AideAttribute = CommonAttribute | AideOnlyAttribute;

/** An attribute that is left out was not measured. */
export interface AideRow {
  /** Text form, see path-text.ts. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits, 0–07777. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes; of regular files. */
  readonly size?: number;
  /** Lower-case hex; of regular files. */
  readonly sha256?: string;
  /** Text form; of symlinks. */
  readonly target?: string;
  /** One line an entry; empty where the mode says it all. */
  readonly acl?: string;
  /** One line an attribute: its name, its length in bytes and the beginning of its sha256. Empty: there is none. */
  readonly xattrs?: string;
  /** As `getcap` writes them. Empty: there are none. */
  readonly caps?: string;
  /** The context. Empty: there is none. */
  readonly selinux?: string;
  /** As `lsattr` writes the flags that it knows, and the number of all of them. */
  readonly e2fsattrs?: string;
  readonly linkCount?: number;
}

/** Bits of `attr`. */
const bit = {
  linkname: 1,
  perm: 2,
  uid: 3,
  gid: 4,
  size: 5,
  linkcount: 11,
  acl: 21,
  sha256: 30,
  selinux: 32,
  xattrs: 33,
  e2fsattrs: 36,
  capabilities: 37,
} as const;
type Bit = keyof typeof bit;

/** A row's fields, and what was measured of them. */
export class AideFields {
  readonly #fields: readonly string[];
  readonly #spec: AideSpec;
  readonly #low: number;
  readonly #high: number;

  constructor(line: string, spec: AideSpec) {
    this.#fields = line.split(' ');
    this.#spec = spec;
    const mask = Number(this.field('attr'));
    this.#low = mask >>> 0;
    this.#high = Math.floor(mask / 2 ** 32) >>> 0;
  }

  field(column: AideColumn): string {
    const at = this.#spec.column[column];
    return at === undefined ? '0' : (this.#fields[at] ?? '0');
  }

  has(name: Bit): boolean {
    const at = bit[name];
    return ((at < 32 ? this.#low >>> at : this.#high >>> (at - 32)) & 1) === 1;
  }
}

const formats: Readonly<Record<number, EntryType>> = {
  0o10: 'file',
  0o04: 'directory',
  0o12: 'symlink',
  0o01: 'fifo',
  0o14: 'socket',
  0o02: 'character-device',
  0o06: 'block-device',
};

/** Throws on a row whose type no Linux file has. */
export function rowOf(line: string, spec: AideSpec): AideRow {
  const row = new AideFields(line, spec);
  const perm = Number.parseInt(row.field('perm'), 8);
  const type = formats[perm >> 12];
  const path = aidePath(row.field('name'));
  if (!type) throw new Error(`AIDE's database has no type for ${path}`);
  const number = (column: AideColumn) => Number(row.field(column));
  const isFile = type === 'file';
  return {
    path,
    type,
    ...(row.has('perm') && { mode: perm & 0o7777 }),
    ...(row.has('uid') && { uid: number('uid') }),
    ...(row.has('gid') && { gid: number('gid') }),
    ...(isFile && row.has('size') && { size: number('size') }),
    ...(isFile && row.has('sha256') && { sha256: hexOf(row.field('sha256')) }),
    ...(type === 'symlink' && row.has('linkname') && { target: text(row.field('lname')) }),
    ...(row.has('acl') && { acl: aclText(row.field('acl')) }),
    ...(row.has('xattrs') && { xattrs: xattrsText(row.field('xattrs')) }),
    // AIDE sets these two bits only where there is something.
    caps: row.has('capabilities') ? base64Text(row.field('capabilities')) : '',
    selinux: row.has('selinux') ? base64Text(row.field('selinux')) : '',
    ...(row.has('e2fsattrs') && { e2fsattrs: flagsText(number('e2fsattrs')) }),
    ...(row.has('linkcount') && { linkCount: number('lcount') }),
  };
}

/** AIDE writes nothing as `0`, an empty text as `0-`, and doubles a `0` that comes first. */
function text(field: string): string {
  if (field === '0' || field === '0-') return '';
  return encodePathText(percentDecoded(field.startsWith('00') ? field.slice(1) : field));
}

function hexOf(field: string): string {
  return field === '0' ? '' : Buffer.from(field, 'base64').toString('hex');
}

function base64Text(field: string): string {
  if (field === '0') return '';
  return encodePathText(Buffer.from(field, 'base64').toString('latin1').replace(/\0$/, ''));
}

/** `POSIX,access,default`, each in base64. */
function aclText(field: string): string {
  if (field === '0') return '';
  const [kind, access = '0', byDefault = '0'] = field.split(',');
  if (kind !== 'POSIX') return encodePathText(field);
  return [...aclLines(access, ''), ...aclLines(byDefault, 'default:')].join('\n');
}

function aclLines(field: string, prefix: '' | 'default:'): string[] {
  const lines = field === '0' ? [] : Buffer.from(field, 'base64').toString('latin1').split('\n');
  const entries = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (prefix === '') {
    const isMinimal = entries.every((line) => /^(user|group|other)::/.test(line));
    if (isMinimal) return [];
  }
  return entries
    .filter((line) => prefix !== '' || !/^(user|mask|other)::/.test(line))
    .map((line) => encodePathText(prefix + line));
}

const digestCharactersShown = 16;

function xattrsText(field: string): string {
  const lines = xattrPairs(field).map((pair) => {
    const [name = '', value = ''] = pair.split(',');
    const bytes = value === '0' ? Buffer.alloc(0) : Buffer.from(value, 'base64');
    const digest = hash('sha256', bytes).slice(0, digestCharactersShown);
    return `${text(name)} (${bytes.length} bytes, sha256 ${digest}…)`;
  });
  return lines.sort().join('\n');
}

/** Of `count,name,value,…` each `name,value`; values are in base64. */
export function xattrPairs(field: string): string[] {
  const [, ...parts] = field.split(',');
  return parts.flatMap((name, i) => (i % 2 === 0 && i + 1 < parts.length ? [`${name},${parts[i + 1]}`] : []));
}

/** Flags of ext file systems that a person sets, and the letter that `lsattr` has for each. */
const flagLetters: readonly (readonly [flag: number, letter: string])[] = [
  [0x01, 's'],
  [0x02, 'u'],
  [0x08, 'S'],
  [0x10, 'i'],
  [0x20, 'a'],
  [0x40, 'd'],
  [0x80, 'A'],
  [0x04, 'c'],
  [0x800, 'E'],
  [0x4000, 'j'],
  [0x1000, 'I'],
  [0x8000, 't'],
  [0x10000, 'D'],
  [0x20000, 'T'],
  [0x80000, 'e'],
  [0x100000, 'V'],
  [0x800000, 'C'],
  [0x2000000, 'x'],
  [0x10000000, 'N'],
  [0x20000000, 'P'],
  [0x40000000, 'F'],
];

function flagsText(flags: number): string {
  const letters = flagLetters.filter(([flag]) => (flags & flag) !== 0).map(([, letter]) => letter);
  return `${letters.join('') || '-'} (0x${flags.toString(16)})`;
}
