/** One part of a glob, between two slashes: `*`, `?`, `[…]` and characters, matched without backtracking. */

/** Runs of characters to match; between two runs stood a `*`. */
export type GlobPart = readonly (readonly OneCharacter[])[];

/** A character as it is, `null` for any, or one of a class. */
export type OneCharacter = string | null | CharacterClass;

export interface CharacterClass {
  readonly negated: boolean;
  /** First and last code point. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** What the part means, or what is wrong with it. */
export function parseGlobPart(source: string): GlobPart | string {
  const runs: OneCharacter[][] = [[]];
  for (let rest = source; rest !== ''; ) {
    const character = String.fromCodePoint(rest.codePointAt(0)!);
    rest = rest.slice(character.length);
    if (character === '*') {
      if (runs.at(-1)!.length > 0 || runs.length === 1) runs.push([]);
    } else if (character === '?') runs.at(-1)!.push(null);
    else if (character === '[') {
      const parsed = parseClass(rest);
      if (typeof parsed === 'string') return parsed;
      runs.at(-1)!.push(parsed.class);
      rest = parsed.rest;
    } else if (character === '\\') {
      if (rest === '') return 'ends a part with \\';
      const escaped = String.fromCodePoint(rest.codePointAt(0)!);
      runs.at(-1)!.push(escaped);
      rest = rest.slice(escaped.length);
    } else runs.at(-1)!.push(character);
  }
  return runs;
}

/** `text` begins after the `[`. A `]` that comes first stands for itself. */
function parseClass(text: string): { class: CharacterClass; rest: string } | string {
  const match = /^([!^]?)((?:\\.|[^\\])(?:\\.|[^\\\]])*)\]/u.exec(text);
  if (!match) return 'holds a [ that is not closed (write a plain one as \\[)';
  const [whole, sign, members] = match as unknown as [string, string, string];
  if (/\[[:.=]/.test(members)) return 'uses a named class; list the characters: [a-z]';
  const ranges: [number, number][] = [];
  for (const [, first, last] of members.matchAll(/\\?(.)(?:-\\?(.))?/gu)) {
    const from = first!.codePointAt(0)!;
    const to = last?.codePointAt(0) ?? from;
    if (to < from) return `holds the range ${first}-${last}, which is empty`;
    ranges.push([from, to]);
  }
  return { class: { negated: sign !== '', ranges }, rest: text.slice(whole.length) };
}

/** Each run is taken where it first fits; the first must start the text, the last must end it. */
export function matchesPart(part: GlobPart, text: string): boolean {
  let at = endOfRun(part[0]!, text, 0);
  if (at === -1) return false;
  if (part.length === 1) return at === text.length;
  for (const run of part.slice(1, -1)) {
    let start = at;
    while (start <= text.length && (at = endOfRun(run, text, start)) === -1) start += 1;
    if (at === -1) return false;
  }
  const last = part.at(-1)!;
  const start = beforeEnd(text, last.length);
  return start >= at && endOfRun(last, text, start) === text.length;
}

/** Where `run` ends if it starts at `start`; -1 if it does not match there. */
function endOfRun(run: readonly OneCharacter[], text: string, start: number): number {
  let at = start;
  for (const one of run) {
    const codePoint = text.codePointAt(at);
    if (codePoint === undefined || !matchesOne(one, codePoint)) return -1;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return at;
}

/** Whether the character that a glob names, or allows, is `codePoint`. */
export function matchesOne(one: OneCharacter, codePoint: number): boolean {
  if (one === null) return true;
  if (typeof one === 'string') return one.codePointAt(0) === codePoint;
  return one.ranges.some(([first, last]) => codePoint >= first && codePoint <= last) !== one.negated;
}

/** The index that lies `characters` code points before the end of `text`; -1 if it is shorter. */
function beforeEnd(text: string, characters: number): number {
  let at = text.length;
  for (let i = 0; i < characters; i++) {
    if (at <= 0) return -1;
    const isPair = at > 1 && text.codePointAt(at - 2)! > 0xffff;
    at -= isPair ? 2 : 1;
  }
  return at;
}
