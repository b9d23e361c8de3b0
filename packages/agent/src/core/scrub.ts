/**
 * Takes secrets out of text before it leaves the node. Four rules, in order; what any of them takes stays taken:
 *
 * 1. The body of a PEM block, whatever it holds.
 * 2. The value of a key whose name says that it is secret; see hide-values.ts.
 * 3. User and password of a URL, passwords that well-known programs are given, and tokens by their known forms.
 * 4. Long runs that look random.
 *
 * It errs on the side of taking too much. Each run is replaced by its length only, so equal lengths look equal: that two
 * versions differ in what was scrubbed is told by their digests, not by the text. Time is linear in the text.
 */

import { type Take, ValueHider } from './hide-values.ts';

export interface Scrubbed {
  readonly text: string;
  /** How many runs were replaced. */
  readonly replaced: number;
}

/** Longer lines are cut, with a note: nobody reads them, and every rule looks at each of them. */
export const maxLineLength = 2000;

/** With five dashes, or as SSH2 has it: four and a space. */
const pemBegin = /-{4,5} ?BEGIN ([A-Z0-9 ]{1,60}?) ?-{4,5}/g;
const urlUser =
  /([a-z][a-z0-9+.-]{1,20}:\/\/)((?:[^\s/@"']{1,500}@)+|[^\s/@"':]{0,200}:(?!\d{1,5}\/)[^\s"']{1,500}@)/gi;
/** `root:password@tcp(…)`, and what `curl -u` is given. */
const userAndPassword = /(?<![\w.-])[\w.-]{1,100}:[^\s"'/@:]{1,200}(?=@[\w(])/g;
const userOption = /(\s(?:-u|--(?:proxy-)?user)[\s=]{1,20}["']?)([^\s:]{1,200}:.*)$/gi;
/** What these programs are given behind a letter, with a blank between or without. */
const programOption =
  /(\b(?:mysql|mariadb|redis-cli|openssl|ldap|sshpass)[\w-]{0,40}\s(?:[^|;]{0,300}?\s)?-(?:p\s?|[akw]\s))([^\s|;]{1,200})/g;
const known =
  /\b(?:AKIA[0-9A-Z]{16}|eyJ[\w-]{8,2000}\.[\w-]{8,2000}(?:\.[\w-]{0,2000})?|gh[pousr]_\w{20,255}|glpat-[\w-]{20,100}|xox[abposr]-[\w-]{10,200}|hv[sb]\.[\w-]{20,500}|AGE-SECRET-KEY-1\w{20,100}|hf_[a-z]+_[\w-]{20,100}|[a-z0-9]{6}\.(?=[a-z]{0,15}\d)[a-z0-9]{16}\b)|\$(?:\d[abxy]?|y|gy|argon2\w{1,2}|scrypt)\$[^\s"':;]{8,500}/g;
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
  const hider = new ValueHider(take);
  let label: string | null = null;
  let block: string[] = [];
  for (const line of text.split('\n')) {
    // Files joined without a line break have the end of one block and the beginning of the next in one line.
    const begins = [...line.matchAll(pemBegin)].at(-1);
    label = begins?.[1] ?? label;
    if (label === null) {
      lines.push(scrubLine(line, hider, take));
      continue;
    }
    block.push(line);
    if (line.includes(`END ${label}`, begins?.index)) {
      lines.push(take(block.join('\n')));
      [label, block] = [null, []];
    }
  }
  // A block without an end hides everything after its beginning.
  if (block.length > 0) lines.push(take(block.join('\n')));
  return { text: lines.join('\n'), replaced };
}

function scrubLine(line: string, hider: ValueHider, take: Take): string {
  const isCut = line.length > maxLineLength;
  const scrubbed = hider
    .hide(isCut ? line.slice(0, maxLineLength) : line)
    .replaceAll(urlUser, (_match, scheme: string, user: string) => `${scheme}${take(user.slice(0, -1))}@`)
    .replaceAll(userAndPassword, take)
    .replaceAll(userOption, (_match, option: string, user: string) => option + take(user))
    .replaceAll(programOption, (_match, option: string, value: string) => option + take(value))
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
