/**
 * Globs on reported paths. `*` and `?` stay within one part of the path, `**` as a whole part crosses any number of
 * parts, `[…]` and `{a,b}` as in a shell, `\` takes the next character as it is; a leading dot is matched like any
 * other character. A glob also takes in everything below what it matches; `/x/**` is that without `/x` itself.
 *
 * Matching takes time in proportion to the glob times the path, whatever the two hold: globs are matched against
 * names that an attacker chose, so nothing here backtracks as a regular expression would.
 */
import { type GlobPart, matchesPart, parseGlobPart } from './glob-part.ts';

export interface PathGlob {
  readonly source: string;
  /** The characters before the first wildcard; without one, the whole glob. */
  readonly literalPrefix: string;
  matches(path: string): boolean;
}

export const maxGlobLength = 1024;
/** How many globs without braces a glob with braces may stand for. */
export const maxGlobAlternatives = 64;

/** What is wrong with a glob, or null. */
export function globProblem(glob: string): string | null {
  if (!glob.startsWith('/')) return 'must start with /';
  if (glob.length > maxGlobLength) return `is longer than ${maxGlobLength} characters`;
  if (/[\u0000-\u001f\u007f]/.test(glob)) return 'holds a control character (write it as %XX)';
  if (/(?<!\\)[@!+?*]\(/.test(glob))
    return 'uses an extended glob; only *, ?, **, […] and {a,b} are understood';
  if (/\{[^}]*\.\.[^}]*\}/.test(glob)) return 'uses a range; list the alternatives: {a,b}';
  const alternatives = expandBraces(glob);
  if (typeof alternatives === 'string') return alternatives;
  for (const alternative of alternatives) {
    const problem = alternative === '/' ? null : partsProblem(partsOf(alternative));
    if (problem) return problem;
  }
  return null;
}

function partsProblem(parts: readonly string[]): string | null {
  for (const part of parts) {
    if (part === '') return 'holds an empty part, or a closing slash';
    if (part === '.' || part === '..') return 'holds a "." or ".." part, which no reported path does';
    const parsed = parseGlobPart(part);
    if (typeof parsed === 'string') return parsed;
  }
  return null;
}

/** Compiles a glob for which {@link globProblem} is null; throws on any other. */
export function compileGlob(glob: string): PathGlob {
  const problem = globProblem(glob);
  if (problem) throw new Error(`not a glob: ${JSON.stringify(glob)} ${problem}`);
  const literalPrefix = (/^(?:[^*?[{\\]|\\.)*/.exec(glob)?.[0] ?? '').replaceAll(/\\(.)/g, '$1');
  if (!/[*?[{\\]/.test(glob)) {
    const below = glob === '/' ? '/' : `${glob}/`;
    return { source: glob, literalPrefix, matches: (path) => path === glob || path.startsWith(below) };
  }
  const alternatives = (expandBraces(glob) as string[]).map((alternative) =>
    segmentsOf(closed(partsOf(alternative))),
  );
  return {
    source: glob,
    literalPrefix,
    matches(path) {
      if (!path.startsWith(literalPrefix)) return false;
      const parts = path === '/' ? [] : path.slice(1).split('/');
      return alternatives.some((segments) => matchesSegments(segments, parts));
    },
  };
}

/**
 * The globs without braces that `glob` stands for, each as its parts; `**` is a part of its own, and never the last, where
 * it is `*`. For those who match by other means; {@link compileGlob} says what a glob means.
 */
export function globAlternatives(glob: string): string[][] {
  return (expandBraces(glob) as string[]).map((alternative) => closed(partsOf(alternative)));
}

/** Runs of parts that follow each other directly; between two runs stood a `**`. The first run starts the path. */
type Segments = readonly (readonly GlobPart[])[];

/** What is below a match is taken in anyway, so a closing `**` adds only that there be something below. */
function closed(parts: string[]): string[] {
  while (parts.length > 1 && parts.at(-1) === '**' && parts.at(-2) === '**') parts.pop();
  if (parts.at(-1) === '**') parts[parts.length - 1] = '*';
  return parts;
}

function segmentsOf(parts: readonly string[]): Segments {
  const segments: GlobPart[][] = [[]];
  for (const part of parts) {
    if (part === '**') segments.push([]);
    else segments.at(-1)!.push(parseGlobPart(part) as GlobPart);
  }
  return segments;
}

/** Taking each run where it first fits is enough: an earlier place never leaves less room for the runs that follow. */
function matchesSegments(segments: Segments, parts: readonly string[]): boolean {
  let at = 0;
  for (const [i, segment] of segments.entries()) {
    const last = i === 0 ? 0 : parts.length - segment.length;
    while (at <= last && !matchesAt(segment, parts, at)) at += 1;
    if (at > last || at + segment.length > parts.length) return false;
    at += segment.length;
  }
  return true;
}

function matchesAt(segment: readonly GlobPart[], parts: readonly string[], at: number): boolean {
  return segment.every((part, i) => at + i < parts.length && matchesPart(part, parts[at + i]!));
}

/** The parts between slashes. A slash in `[…]` parts too: the class is then unclosed, which is refused. */
function partsOf(glob: string): string[] {
  return glob === '/' ? [] : glob.slice(1).split('/');
}

/** The globs without braces that `glob` stands for, or what is wrong with its braces. */
function expandBraces(glob: string): string[] | string {
  let done = [''];
  let rest = glob;
  for (;;) {
    const open = /^((?:[^\\{]|\\.)*)\{/.exec(rest);
    if (!open) return done.map((start) => start + rest);
    const inside = /^((?:[^\\{}]|\\.)*)\}/.exec(rest.slice(open[0].length));
    if (!inside) return 'holds a { that is not closed, or one inside another (write a plain one as \\{)';
    const choices = inside[1]!.match(/(?:[^\\,]|\\.)+|(?<=^|,)(?=,|$)/g) ?? [''];
    done = done.flatMap((start) => choices.map((choice) => start + open[1]! + choice));
    if (done.length > maxGlobAlternatives) return `stands for more than ${maxGlobAlternatives} alternatives`;
    rest = rest.slice(open[0].length + inside[0].length);
  }
}
