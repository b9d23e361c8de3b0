/**
 * The baseline file of the offline commands, as text. It can be read, diffed and searched with any tool:
 *
 *     holdfast-baseline 1
 *     {"acceptedAt":"…","digest":"…","entries":2,"scope":{…}}
 *     /etc/hosts<TAB>t=file<TAB>m=644<TAB>…          one canonical line an entry, sorted by path
 *     sha256 <hex over every byte above this line>
 *
 * A file that does not check out in every part is refused: a damaged baseline is an error, never an empty one.
 * The checksum tells damage from content, it is no signature; who can write the file can write another one.
 */
import { hash } from 'node:crypto';
import { Entry, entryLine, hasCanonicalText, parseEntryLine } from '@holdfast/shared/entry';
import { byPath, Manifest } from '@holdfast/shared/manifest';
import { checkScope, type Scope, scopeDigest } from '@holdfast/shared/scope';
import { Digest, Timestamp } from '@holdfast/shared/wire-values';
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';

export const baselineFormat = 1;

export interface BaselineDocument {
  readonly scope: Scope;
  /** RFC 3339 in UTC, milliseconds; by the clock of the host that wrote it. */
  readonly acceptedAt: string;
  readonly manifest: Manifest;
}

export class DamagedBaselineError extends Error {
  readonly code = 'damaged-baseline';
  constructor(message: string) {
    super(message);
    this.name = 'DamagedBaselineError';
  }
}

const Header = Type.Object(
  {
    acceptedAt: Timestamp,
    digest: Digest,
    entries: Type.Integer({ minimum: 0 }),
    scope: Type.Unknown(),
  },
  { additionalProperties: false },
);
type Header = Static<typeof Header>;

const headerShape = shapeOf(Header);
const entryShape = shapeOf(Entry);

export function encodeBaseline({ scope, acceptedAt, manifest }: BaselineDocument): string {
  const header: Header = { acceptedAt, digest: manifest.digest(), entries: manifest.size, scope };
  const lines = [`holdfast-baseline ${baselineFormat}`, JSON.stringify(header)];
  for (const entry of [...manifest.entries()].sort(byPath)) lines.push(entryLine(entry));
  const body = `${lines.join('\n')}\n`;
  return `${body}sha256 ${hash('sha256', body)}\n`;
}

/** Throws {@link DamagedBaselineError}, which says what is wrong but not in which file. */
export function decodeBaseline(bytes: Buffer): BaselineDocument {
  const [, header = '', ...entryLines] = checkedBody(bytes).split('\n');
  const { acceptedAt, digest, entries, scope } = readHeader(header);
  const manifest = new Manifest(scopeDigest(scope), readEntries(entryLines));
  if (manifest.size !== entries)
    throw new DamagedBaselineError(`it holds ${manifest.size} entries where its header says ${entries}`);
  if (manifest.digest() !== digest)
    throw new DamagedBaselineError('its entries are not those that its header names');
  return { scope, acceptedAt, manifest };
}

const trailerBytes = 'sha256 \n'.length + 64;

/** The text above the checksum, without its last newline. Bytes are checked before anything is made of them. */
function checkedBody(bytes: Buffer): string {
  const start = bytes.subarray(0, 64).toString('latin1');
  if (!start.startsWith('holdfast-baseline ')) throw new DamagedBaselineError('it is not a baseline file');
  checkTitle(start.split('\n', 1)[0]!);
  const body = bytes.subarray(0, Math.max(0, bytes.length - trailerBytes));
  const trailer = bytes.subarray(body.length).toString('latin1');
  if (!/^sha256 [0-9a-f]{64}\n$/.test(trailer) || body.at(-1) !== 0x0a)
    throw new DamagedBaselineError('its end is missing or damaged');
  if (trailer !== `sha256 ${hash('sha256', body)}\n`)
    throw new DamagedBaselineError('its content does not match its checksum');
  return body.subarray(0, -1).toString('utf8');
}

/** A newer format is told apart from damage, before the checksum that it may write differently. */
function checkTitle(title: string): void {
  const version = /^holdfast-baseline (\d{1,9})$/.exec(title)?.[1];
  if (version === undefined) throw new DamagedBaselineError('its first line is damaged');
  if (Number(version) !== baselineFormat) {
    throw new DamagedBaselineError(
      `it has format ${version}; this version of Holdfast reads format ${baselineFormat}`,
    );
  }
}

function readHeader(line: string): Header & { readonly scope: Scope } {
  let header: unknown;
  try {
    header = JSON.parse(line);
  } catch {
    throw new DamagedBaselineError('its header is not JSON');
  }
  if (!headerShape.check(header)) throw new DamagedBaselineError('its header lacks something');
  try {
    return { ...header, scope: checkScope(header.scope) };
  } catch {
    throw new DamagedBaselineError('the scope in its header is invalid');
  }
}

function* readEntries(lines: readonly string[]): Generator<Entry> {
  let previous = '';
  for (const [i, line] of lines.entries()) {
    const entry = readEntry(line);
    if (!entry || entry.path <= previous)
      throw new DamagedBaselineError(`its line ${i + 3} is not the entry that should be there`);
    previous = entry.path;
    yield entry;
  }
}

function readEntry(line: string): Entry | null {
  try {
    const entry = parseEntryLine(line);
    const isSound = entryShape.check(entry) && hasCanonicalText(entry) && entryLine(entry) === line;
    return isSound ? entry : null;
  } catch {
    return null;
  }
}
