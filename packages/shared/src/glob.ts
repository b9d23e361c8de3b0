/**
 * Globs on reported paths. `*` and `?` stay within one part of the path, `**` crosses parts, `[…]` and `{a,b}` as in
 * a shell; a leading dot is matched like any other character. A glob also takes in everything below what it matches.
 */
import picomatch from 'picomatch';

export interface PathGlob {
  readonly source: string;
  /** The characters before the first wildcard; without one, the whole glob. */
  readonly literalPrefix: string;
  matches(path: string): boolean;
}

export const maxGlobLength = 1024;
/** More than these in a row of one part, or in one glob, would let a hostile file name cost exponential time. */
export const maxWildcardsPerPart = 3;
export const maxGlobstars = 3;

/** What is wrong with a glob, or null. */
export function globProblem(glob: string): string | null {
  if (!glob.startsWith('/')) return 'must start with /';
  if (glob.length > maxGlobLength) return `is longer than ${maxGlobLength} characters`;
  if (/[\u0000-\u001f\u007f]/.test(glob)) return 'holds a control character (write it as %XX)';
  if (/[@!+?*]\(/.test(glob)) return 'uses an extended glob; only *, ?, **, […] and {a,b} are understood';
  if (/\{[^}]*\.\.[^}]*\}/.test(glob)) return 'uses a range; list the alternatives: {a,b}';
  const parts = glob.split('/');
  if (parts.filter((part) => part === '**').length > maxGlobstars)
    return `holds more than ${maxGlobstars} "**"`;
  for (const part of parts) {
    if (part !== '**' && (part.match(/[*?{[]/g)?.length ?? 0) > maxWildcardsPerPart) {
      return `holds more than ${maxWildcardsPerPart} wildcards between two slashes`;
    }
  }
  return null;
}

/** Compiles a glob for which {@link globProblem} is null. */
export function compileGlob(glob: string): PathGlob {
  const literalPrefix = /^(?:[^*?[\]{}\\]|\\.)*/.exec(glob)?.[0].replaceAll(/\\(.)/g, '$1') ?? '';
  const isLiteral = !/[*?[\]{}\\]/.test(glob);
  if (isLiteral) {
    const below = glob === '/' ? '/' : `${glob}/`;
    return { source: glob, literalPrefix, matches: (path) => path === glob || path.startsWith(below) };
  }
  const options = { dot: true, nonegate: true, noextglob: true, strictSlashes: true } as const;
  const isMatch = picomatch(
    glob.endsWith('/**') ? glob.replace(/(?:\/\*\*)+$/, '/*/**') : [glob, `${glob}/**`],
    options,
  );
  return {
    source: glob,
    literalPrefix,
    matches: (path) => path.startsWith(literalPrefix) && isMatch(path),
  };
}
