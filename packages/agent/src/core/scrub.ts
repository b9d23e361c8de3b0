/**
 * Takes secrets out of text before it leaves the node. Four rules, in order; what any of them takes stays taken:
 *
 * 1. The body of a PEM block, whatever it holds.
 * 2. The value of a key whose name says that it is secret, unless the value is one of those that a switch, a time or a
 *    path can have: `PasswordAuthentication yes` is what an operator has to see.
 * 3. User and password of a URL, and tokens by their known forms.
 * 4. Long runs that look random.
 *
 * It errs on the side of taking too much. Each run is replaced by its length only, so equal lengths look equal: that two
 * versions differ in what was scrubbed is told by their digests, not by the text. Time is linear in the text.
 */

export interface Scrubbed {
  readonly text: string;
  /** How many runs were replaced. */
  readonly replaced: number;
}

/** Longer lines are cut, with a note: nobody reads them, and every rule looks at each of them. */
export const maxLineLength = 2000;

const secretName =
  '[\\w.-]{0,60}(?:pass(?:word|wd|phrase)|secret|token|credential|(?:api|access|private|encryption|preshared)[-_]?key|psk|bearer|connection[-_]?string)[\\w.-]{0,40}';
/** Secret only as a whole: `auth` in containerd's registry configuration, but not `authentication`. */
const secretWord = '(?<![\\w.-])(?:auth|key|pwd|dsn|community)';
const value = `("[^"]*"|'[^']*'|[^\\s"',;]+)`;
/** A key, what stands between it and its value, the value: `a = b`, `a: b`, `a b`, `--a=b`. */
const assignments = [
  // Within the quotes that systemd wants around `"A=b c"`, the value ends where they do.
  new RegExp(`(["'][^"'=:]{0,200}?${secretName})(\\s{0,20}[=:]\\s{0,20})([^"']+)(?=["'])`, 'gi'),
  new RegExp(`(${secretName})("?\\s{0,20}[=:]\\s{0,20}|\\s{1,20})${value}`, 'gi'),
  new RegExp(`(${secretWord})("?\\s{0,20}[=:]\\s{0,20})${value}`, 'gi'),
];
/** Also what an earlier rule has put there. */
const harmless =
  /^(?:\[scrubbed:.*|)["']?(?:yes|no|true|false|on|off|none|null|any|always|never|\d{1,2}|\d{1,9}(?:ms|s|m|h|d)|\/[\w./%-]*|\.ssh\/[\w./%-]*|\{\}|\[\]|)["']?$/i;
const urlUser = /([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"']{1,500}@/gi;
const known =
  /\b(?:AKIA[0-9A-Z]{16}|eyJ[\w-]{8,2000}\.[\w-]{8,2000}(?:\.[\w-]{0,2000})?|gh[pousr]_\w{20,255}|glpat-[\w-]{20,100}|xox[abposr]-[\w-]{10,200}|hv[sb]\.[\w-]{20,500}|AGE-SECRET-KEY-1\w{20,100}|hf_[a-z]+_[\w-]{20,100})/g;
const longRun = /[A-Za-z0-9+/=_-]{20,}/g;
const digest = /^[0-9a-f]{64}$/;

/** `text` is valid UTF-8 without NUL. */
export function scrub(text: string): Scrubbed {
  let replaced = 0;
  const take = (run: string) => {
    replaced += 1;
    return `[scrubbed: ${run.length} characters]`;
  };
  const lines: string[] = [];
  let pem: string[] | null = null;
  for (const line of text.split('\n')) {
    const begins = /-----BEGIN [A-Z0-9 ]{1,60}-----/.test(line);
    const ends = /-----END [A-Z0-9 ]{1,60}-----/.test(line);
    if (pem !== null || begins) {
      (pem ??= []).push(line);
      if (ends) {
        lines.push(take(pem.join('\n')));
        pem = null;
      }
    } else lines.push(scrubLine(line, take));
  }
  // A block without an end hides everything after its beginning.
  if (pem !== null) lines.push(take(pem.join('\n')));
  return { text: lines.join('\n'), replaced };
}

function scrubLine(line: string, take: (run: string) => string): string {
  const isCut = line.length > maxLineLength;
  const whole = isCut ? line.slice(0, maxLineLength) : line;
  const assign = (match: string, key: string, between: string, given: string) =>
    harmless.test(given) ? match : `${key}${between}${take(given)}`;
  const scrubbed = assignments
    .reduce((text, assignment) => text.replaceAll(assignment, assign), whole)
    .replaceAll(urlUser, (match, scheme: string) => `${scheme}${take(match.slice(scheme.length, -1))}@`)
    .replaceAll(known, take)
    .replaceAll(longRun, (run) => (looksRandom(run) ? take(run) : run));
  return isCut ? `${scrubbed} [${line.length - maxLineLength} characters more]` : scrubbed;
}

/** Bits a character, by how often each occurs: words and paths have less than 4, keys in base64 more, in hexadecimal 3 to 4. */
function looksRandom(run: string): boolean {
  if (digest.test(run)) return false; // of an image or a file: names a thing, and opens nothing
  if (/^[0-9a-f]{32,}$/i.test(run)) return entropyOf(run) > 3;
  // Words, versions and paths, put together.
  if (run.split(/[-_=/]/).every((part) => part.length < 20 && !mixesAll(part))) return false;
  return /\d/.test(run) ? entropyOf(run) > 3.7 : entropyOf(run) > 4.3;
}

function mixesAll(part: string): boolean {
  return /[a-z]/.test(part) && /[A-Z]/.test(part) && /\d/.test(part);
}

function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
