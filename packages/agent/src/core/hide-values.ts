/**
 * Hides the values of keys whose names say that they are secret. A value has no end that holds in every format that a node
 * has, so everything to the end of the line goes, and the lines after it that may still belong to it:
 *
 * - up to the quote or the bracket that ends what was opened,
 * - after a backslash at the end, the next one,
 * - those that are indented deeper than a key that starts its line, or list items beside it,
 * - `value: …` after `name: DB_PASSWORD`.
 *
 * What a switch, a time or a path can be is left: `PasswordAuthentication no` is what an operator has to see.
 */

/** Replaces a run that is secret. */
export type Take = (run: string) => string;

const secretName =
  '[\\w.-]{0,60}(?:(?<!ask-)pass(?:word|wd|phrase|code)|(?<!by|com|sur|tres)pass(?![a-z])|(?<![a-z])pwd?(?![a-z])|(?:bind|root|user|admin|db)pwd?(?![a-z])|secret|token|credential|(?<!sa)creds?(?![a-z])|(?:api|access|private|encryption|preshared)[-_]?key|[-_]key(?![a-z])|psk(?![a-z])|bearer|proxy-authorization|(?:set-)?cookie|connection[-_]?string)[\\w.-]{0,40}';
/** Secret only as a whole: `auth` in containerd's registry configuration, but not `authentication`. */
const secretWord =
  '(?<![\\w.-])(?:auth|key|dsn|community)(?=["\']?\\s{0,40}[=:])|(?<![\\w.-])authorization(?=["\']?\\s{0,40}[=:]\\s{0,40}\\S)';
/** `a = b`, `a: b`, `'a' => b`, `<a>b`, `a(b)`, `["--a", "b"]`, `a b`. */
const between = '\\s{0,40}(?:[=:]{1,3}>?|[>(])\\s{0,40}|(?<=["\'])\\s{0,40},\\s{0,40}|\\s{1,40}';
const assignment = new RegExp(`((?:${secretName}|${secretWord})["']?)(${between})(.*)$`, 'i');
const nameAtEnd = new RegExp(`${secretName}["']?\\s{0,40},?\\s{0,40}$`, 'i');
const valueLine = /^\W{0,40}value["']?\s{0,40}[=:]/i;
/** Nothing but what may stand before a key in a line of its own. */
const startOfLine = /^[\s\-"'#;[{(]*(?:export\s+)?$/;
const harmless =
  /^(?!["']{3})(["']?)(?:yes|no|true|false|on|off|none|null|any|always|never|\d{1,2}|\d{1,9}(?:ms|s|m|h|d)|(?:\/[\w.%-]+){2,}\/?|\.ssh\/[\w./%-]*|\{\}|\[\]|(?<=["']))\1(?=["']?(?:\s*$|\s+[-#;]|\s*[,;)\]}]+(?:\s*["']|\s*$)))/i;
const closing: Readonly<Record<string, string>> = { '[': ']', '{': '}', '(': ')' };

/** What of the lines to come belongs to a value that was hidden. */
interface Open {
  /** Up to and with the line that has this. */
  until?: string;
  /** The next line, whatever it is. */
  next?: boolean;
  /** Lines indented deeper than this. */
  deeperThan?: number;
  /** The next line, if it is a `value`. */
  value?: boolean;
}

export class ValueHider {
  readonly #take: Take;
  #open: Open | null = null;

  constructor(take: Take) {
    this.#take = take;
  }

  /** Lines in their order. */
  hide(line: string): string {
    if (this.#open !== null && this.#belongs(this.#open, line)) return line === '' ? line : this.#take(line);
    this.#open = nameAtEnd.test(line) ? { value: true } : null;
    let done = '';
    let rest = line;
    for (;;) {
      const found = assignment.exec(rest);
      if (found === null) return done + rest;
      const [, key = '', separator = '', value = ''] = found;
      const before = rest.slice(0, found.index) + key + separator;
      const left = harmless.exec(value);
      if (left === null) {
        this.#open = opensAfter(value, done + rest.slice(0, found.index), separator) ?? this.#open;
        return done + before + (value === '' ? '' : this.#take(value));
      }
      done += before + left[0];
      rest = value.slice(left[0].length);
    }
  }

  #belongs(open: Open, line: string): boolean {
    if (open.until !== undefined) {
      if (line.includes(open.until)) this.#open = null;
      return true;
    }
    if (open.next) {
      open.next = line.endsWith('\\');
      return true;
    }
    if (open.value) return valueLine.test(line);
    const indent = line.search(/\S/);
    const { deeperThan = Number.POSITIVE_INFINITY } = open;
    return indent === -1 || indent > deeperThan || (indent === deeperThan && line.startsWith('-', indent));
  }
}

/** `prefix` is what stands before the key. */
function opensAfter(value: string, prefix: string, separator: string): Open | null {
  const text = value.trim();
  if (text.endsWith('\\')) return { next: true };
  const triple = /^(?:"""|''')/.exec(text)?.[0];
  if (triple && !text.includes(triple, 3)) return { until: triple };
  const quote = /^["']/.exec(text)?.[0];
  if (quote && !triple && !text.replaceAll(/\\./g, '').includes(quote, 1)) return { until: quote };
  const closer = closing[text[0] ?? ''];
  if (closer !== undefined && !text.includes(closer)) return { until: closer };
  const isKeyOfLine = startOfLine.test(prefix) && /[=:]/.test(separator);
  return isKeyOfLine ? { deeperThan: prefix.length } : null;
}
