/**
 * Paths and globs as PCRE2 expressions for AIDE's rules. Globs match the text form of a path, where a byte that is not
 * shown is three characters (`%0A`), and AIDE matches the bytes: `?` is one character that is shown, `???` is three, or
 * one byte that is not. What a glob takes in and what its expression takes in is the same set.
 *
 * Only letters, digits, `_`, `-`, `/` and characters beyond ASCII stand for themselves. All others are classes, because
 * AIDE's reader of rules gives a meaning to some, and takes an expression's path up to the first bracket for the place
 * in the tree where it applies.
 */
import { globAlternatives } from './glob.ts';
import { type GlobPart, matchesOne, matchesPart, type OneCharacter, parseGlobPart } from './glob-part.ts';
import { decodePathText, encodePathText, hiddenRanges } from './path-text.ts';
import { byteRange, hex, utf8Alternatives } from './utf8-regex.ts';

/** How an AIDE takes names: as bytes, or as UTF-8, and then names that are none escape its rules. */
export type NameMatching = 'bytes' | 'utf8';

/** What comes after a path that is named: nothing, or what lies below it. */
export const hereOrBelow = '(?:/|\\z)';

/** Matches nothing. */
const never = '(?!)';
/** An expression that holds {@link shownCharacter} needs its definition at its end. */
const shownCharacter = '(?&shown)';

export function pathRegex(path: string, names: NameMatching): string {
  return bytesRegex(decodePathText(path), names);
}

/** Expressions for what of `glob` lies below `path`, each beginning with the slash after `path`. */
export function globRegexesBelow(glob: string, path: string, names: NameMatching): string[] {
  const above = path === '/' ? [] : path.slice(1).split('/');
  return globAlternatives(glob).flatMap((parts) => {
    const isAbove = above.every((name, i) => parts[i] !== undefined && partMatches(parts[i], name));
    return isAbove && parts.length > above.length ? [partsRegex(parts.slice(above.length), names)] : [];
  });
}

/** `regex`, with what it refers to. */
export function withDefinitions(regex: string, names: NameMatching): string {
  if (!regex.includes(shownCharacter)) return regex;
  return `${regex}(?(DEFINE)(?<shown>${names === 'bytes' ? utf8Alternatives(shownRanges).join('|') : codePointClass(shownRanges)}))`;
}

function partMatches(part: string, name: string): boolean {
  return part !== '**' && matchesPart(parseGlobPart(part) as GlobPart, name);
}

/** Between runs of parts stood a `**`; as in glob.ts, each run is taken where it first fits. */
function partsRegex(parts: readonly string[], names: NameMatching): string {
  const runs: string[][] = [[]];
  for (const part of parts) {
    if (part === '**') runs.push([]);
    else runs.at(-1)!.push(`/${partRegex(parseGlobPart(part) as GlobPart, names)}`);
  }
  const [first = [], ...others] = runs;
  const start = first.join('') + (others.length > 0 && first.length > 0 ? hereOrBelowAhead : '');
  return start + others.map((run) => `(?>(?:/[^/]+)*?${run.join('')}${hereOrBelowAhead})`).join('');
}

const hereOrBelowAhead = '(?=/|\\z)';

type Item = { readonly one: OneCharacter } | 'star';

function partRegex(part: GlobPart, names: NameMatching): string {
  const items = part.flatMap((run, i): Item[] => [
    ...(i > 0 ? (['star'] as const) : []),
    ...run.map((one) => ({ one })),
  ]);
  const escapes = items.map((_, i) => escapesFrom(items, i, names));
  const isPlain = escapes.every((ways) => ways.size === 0) && items.every(isAscii);
  return isPlain ? plainRegex(part) : exactRegex(items, escapes, names);
}

/** Every character of the text is a byte. Nothing is tried twice, whatever the name holds. */
function plainRegex(part: GlobPart): string {
  const [first = '', ...others] = part.map((run) => run.map((one) => shownRegex(one, 'bytes')).join(''));
  const last = others.pop();
  if (last === undefined) return first;
  return `${first}${others.map((run) => `(?>[^/]*?${run})`).join('')}[^/]*${last}`;
}

/** `escapes[i]`: by where they lead, the bytes whose text form begins at item `i`. */
function exactRegex(
  items: readonly Item[],
  escapes: readonly ReadonlyMap<number, number[]>[],
  names: NameMatching,
): string {
  const from: string[] = [''];
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i]!;
    const rest = from[0]!;
    const ways = [...escapes[i]!].map(([to, bytes]) => hiddenRegex(bytes) + from[to - i - 1]!);
    if (item !== 'star') ways.unshift(shownRegex(item.one, names) + rest);
    else if (i === items.length - 1) ways.splice(0, Infinity, '');
    else ways.unshift(rest);
    const choice = ways.length === 1 ? ways[0]! : `(?:${ways.join('|')})`;
    const unit = names === 'bytes' ? `(?>${shownCharacter}|[^/])` : '[^/]';
    from.unshift(item === 'star' ? `${unit}*${ways[0] === '' ? '' : '?'}${choice}` : choice);
  }
  return from[0]!;
}

/** Of bytes that a text form shows as `%XX`: where its three characters lead from item `start`, which takes the first. */
function escapesFrom(items: readonly Item[], start: number, names: NameMatching): Map<number, number[]> {
  const ways = new Map<number, number[]>();
  for (let byte = 1; byte < (names === 'bytes' ? 0x100 : 0x80); byte++) {
    if (byte < 0x80 && encodePathText(String.fromCharCode(byte)).length === 1) continue;
    const text = `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    let states = new Set(step(items, [start], text[0]!));
    for (const character of text.slice(1)) states = new Set(step(items, closure(items, states), character));
    if (items[start] === 'star') states.delete(start); // the star takes all of it
    for (const to of states) ways.set(to, [...(ways.get(to) ?? []), byte]);
  }
  return ways;
}

function step(items: readonly Item[], states: Iterable<number>, character: string): number[] {
  return [...states].flatMap((state) => {
    const item = items[state];
    if (item === undefined) return [];
    if (item === 'star') return [state];
    return matchesOne(item.one, character.codePointAt(0)!) ? [state + 1] : [];
  });
}

function* closure(items: readonly Item[], states: Iterable<number>): Generator<number> {
  for (let state of states) {
    yield state;
    while (items[state] === 'star') yield (state += 1);
  }
}

/** The bytes of hidden characters; those beyond ASCII are so only where no character that is shown begins. */
function hiddenRegex(bytes: readonly number[]): string {
  const ascii = bytes.filter((byte) => byte < 0x80).map(hex);
  const high = bytes.filter((byte) => byte >= 0x80).map(hex);
  const ways = [
    ...(ascii.length > 0 ? [`[${ascii.join('')}]`] : []),
    ...(high.length > 0 ? [`(?!${shownCharacter})[${high.join('')}]`] : []),
  ];
  return ways.length === 1 ? ways[0]! : `(?:${ways.join('|')})`;
}

function isAscii(item: Item): boolean {
  if (item === 'star') return true;
  if (typeof item.one === 'string') return item.one !== '%';
  return item.one !== null && !item.one.negated && item.one.ranges.every(([, last]) => last < 0x80);
}

/** One character that is shown and that `one` takes. */
function shownRegex(one: OneCharacter, names: NameMatching): string {
  if (typeof one === 'string') return one === '%' ? never : bytesRegex(decodeShown(one), names);
  if (one === null) return shownCharacter;
  const ranges = intersection(shownRanges, one.negated ? complement(one.ranges) : one.ranges);
  if (ranges.length === 0) return never;
  if (names === 'utf8') return codePointClass(ranges);
  const alternatives = utf8Alternatives(ranges);
  return alternatives.length === 1 ? alternatives[0]! : `(?:${alternatives.join('|')})`;
}

/** A character that a text form never shows matches nothing. */
function decodeShown(character: string): string {
  const codePoint = character.codePointAt(0)!;
  const isShown = shownRanges.some(([first, last]) => codePoint >= first && codePoint <= last);
  return isShown ? Buffer.from(character).toString('latin1') : '\0';
}

function bytesRegex(bytes: string, names: NameMatching): string {
  const text = encodePathText(bytes);
  return text.replaceAll(/%([0-9A-F]{2})|[^A-Za-z0-9_/-]/gu, (character, digits: string | undefined) => {
    if (digits === undefined) {
      return character.codePointAt(0)! < 0x80 ? byteRangeOf(character.charCodeAt(0)) : character;
    }
    const byte = Number.parseInt(digits, 16);
    if (byte === 0 || (byte >= 0x80 && names === 'utf8')) return never;
    return byteRangeOf(byte);
  });
}

function byteRangeOf(byte: number): string {
  return byte === 0x2e ? '\\.' : byteRange(byte, byte);
}

type Ranges = readonly (readonly [number, number])[];

const maxCodePoint = 0x10ffff;

function complement(ranges: Ranges): [number, number][] {
  const result: [number, number][] = [];
  let next = 0;
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (first > next) result.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= maxCodePoint) result.push([next, maxCodePoint]);
  return result;
}

function intersection(left: Ranges, right: Ranges): [number, number][] {
  return left.flatMap(([a, b]) =>
    right.flatMap(([c, d]): [number, number][] => {
      const first = Math.max(a, c);
      const last = Math.min(b, d);
      return first > last ? [] : [[first, last]];
    }),
  );
}

/** What one character of a name can be that its text form shows. */
const shownRanges = intersection(complement([...hiddenRanges, [0x25, 0x25], [0x2f, 0x2f]]), [
  [0, 0xd7ff],
  [0xe000, maxCodePoint],
]);

function codePointClass(ranges: Ranges): string {
  const point = (codePoint: number): string => `\\x{${codePoint.toString(16)}}`;
  return `[${ranges.map(([first, last]) => (first === last ? point(first) : `${point(first)}-${point(last)}`)).join('')}]`;
}
