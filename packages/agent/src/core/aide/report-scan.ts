/**
 * Reads AIDE's JSON report in pieces, and keeps only counts: names in it cannot be trusted (AIDE 0.18 writes some of
 * their bytes wrong), and it may be larger than the memory that the agent should take. What is no JSON, does not end, or
 * says something twice is a problem; control characters within a text are let pass, because AIDE leaves some as they
 * are, and they end no text.
 */

export interface AideCounts {
  readonly total: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

export type AideReportEnd =
  | { readonly problem: string }
  | {
      readonly problem: null;
      readonly version: string;
      readonly counts: AideCounts;
      /** Paths of which AIDE could measure less than before, although their type is the same. */
      readonly blindPaths: number;
    };

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'nothing';

/** Deeper than any report. */
const maxDepth = 8;
/** Of a key or a value only so much is kept. */
const maxKeptCharacters = 200;

/** What ends a string, or makes the next character mean something else. */
const ofInterest = /["\\]/g;

const scalar = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/;

export class AideReportScan {
  #expected: Expected = 'value';
  /** `}` or `]` for each level. */
  readonly #closers: string[] = [];
  /** The keys that lead to where we are; null in an array. */
  readonly #keys: (string | null)[] = [];
  readonly #topKeys = new Set<string>();
  #kept: string | null = null;
  #isString = false;
  #isEscaped = false;
  #problem: string | null = null;
  #version: string | null = null;
  readonly #counts = new Map<string, number>();
  #blindPaths = 0;

  /** `piece`: latin1, so that any byte is one character. */
  take(piece: string): void {
    for (let i = 0; i < piece.length && this.#problem === null; i++) {
      if (this.#isString && !this.#isEscaped) {
        ofInterest.lastIndex = i;
        const next = ofInterest.exec(piece)?.index ?? piece.length;
        this.#keep(piece.slice(i, Math.min(next, i + maxKeptCharacters)));
        i = next;
      }
      if (i < piece.length) this.#character(piece[i]!);
    }
  }

  end(): AideReportEnd {
    if (this.#problem !== null) return { problem: this.#problem };
    if (this.#expected !== 'nothing') return { problem: 'AIDE’s report is cut off' };
    const total = this.#counts.get('total');
    if (this.#version === null || total === undefined) return { problem: 'AIDE’s report lacks its counts' };
    const count = (name: string): number => this.#counts.get(name) ?? 0;
    const counts = { total, added: count('added'), removed: count('removed'), changed: count('changed') };
    return { problem: null, version: this.#version, counts, blindPaths: this.#blindPaths };
  }

  #character(character: string): void {
    if (this.#isString) this.#inString(character);
    else if (this.#kept !== null) this.#inScalar(character);
    else this.#between(character);
  }

  #inString(character: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (character === '\\') this.#isEscaped = true;
    else if (character === '"') {
      this.#isString = false;
      const text = this.#kept!;
      this.#kept = null;
      if (this.#expected === 'key' || this.#expected === 'key-or-end') this.#key(text);
      else this.#value(text);
      return;
    }
    this.#keep(character);
  }

  #keep(text: string): void {
    if (this.#kept!.length < maxKeptCharacters) this.#kept += text;
  }

  #inScalar(character: string): void {
    if (!/[\s,}\]]/.test(character)) {
      this.#kept += character;
      if (this.#kept!.length > maxKeptCharacters) this.#fail();
      return;
    }
    const text = this.#kept!;
    this.#kept = null;
    if (scalar.test(text)) this.#value(text);
    else this.#fail();
    this.#between(character);
  }

  #between(character: string): void {
    if (character <= ' ') return;
    const expected = this.#expected;
    if (expected === 'comma-or-end' && character === ',') {
      this.#expected = this.#closers.at(-1) === '}' ? 'key' : 'value';
    } else if (expected === 'colon' && character === ':') this.#expected = 'value';
    else if (expected.endsWith('-or-end') && character === this.#closers.at(-1)) this.#close();
    else if ((expected === 'key' || expected === 'key-or-end') && character === '"') this.#begin(true);
    else if (expected === 'value' || expected === 'value-or-end') this.#beginValue(character);
    else this.#fail();
  }

  #begin(isString: boolean, first = ''): void {
    this.#isString = isString;
    this.#kept = first;
  }

  #beginValue(character: string): void {
    if (this.#closers.length === 0 && character !== '{') return this.#fail();
    if (character === '"') this.#begin(true);
    else if (character === '{' || character === '[') {
      if (this.#closers.length >= maxDepth) return this.#fail();
      this.#closers.push(character === '{' ? '}' : ']');
      this.#keys.push(null);
      this.#expected = character === '{' ? 'key-or-end' : 'value-or-end';
    } else this.#begin(false, character);
  }

  #close(): void {
    this.#closers.pop();
    this.#keys.pop();
    this.#expected = this.#closers.length === 0 ? 'nothing' : 'comma-or-end';
  }

  #key(key: string): void {
    if (this.#keys.length === 1) {
      if (this.#topKeys.has(key)) this.#problem = 'AIDE’s report says something twice';
      this.#topKeys.add(key);
    }
    this.#keys[this.#keys.length - 1] = key;
    this.#expected = 'colon';
  }

  #value(text: string): void {
    this.#expected = 'comma-or-end';
    const [top, name] = this.#keys;
    if (top === 'aide_version' && this.#keys.length === 1) this.#version = text;
    if (this.#keys.length !== 2) return;
    if (top === 'different_attributes') this.#blindPaths += isBlind(text) ? 1 : 0;
    if (top === 'number_of_entries' && name !== null && name !== undefined) {
      if (this.#counts.has(name) || !/^\d{1,15}$/.test(text)) this.#fail();
      this.#counts.set(name, Number(text));
    }
  }

  #fail(): void {
    this.#problem ??= 'AIDE’s report is not JSON';
  }
}

/**
 * What AIDE measured of a path on one side only, as in `+l-s-sha256`. Size is measured of files alone, and a target of
 * links: with either, the path has become something else. Capabilities and a context count as measured only where there
 * are any: gaining or losing them is a change that AIDE reports. What it measures more than before hides nothing.
 */
function isBlind(differences: string): boolean {
  const names = differences.match(/[+-][^+-]+/g) ?? [];
  if (names.some((name) => /^.[sl]$/.test(name))) return false;
  return names.some((name) => name.startsWith('-') && !/^.(?:caps|selinux)$/.test(name));
}
