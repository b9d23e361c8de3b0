/** What a PromQL expression asks for, as far as a test needs to know it. */

const words = new Set(
  'and or unless on by without ignoring group_left group_right bool offset inf nan'.split(' '),
);

/** The names of all series in an expression, sorted. */
export function seriesIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\boffset\s+\w+/g, ' ');
  const names = Array.from(bare.matchAll(/[A-Za-z_][\w:]*(?!\s*\()(?![\w:])/g), ([name]) => name);
  return [...new Set(names.filter((name) => !words.has(name.toLowerCase())))].sort();
}

export interface Matcher {
  readonly label: string;
  /** The alternatives of a regular expression; the value alone otherwise. */
  readonly values: readonly string[];
}

/** The series that an expression narrows down by labels, and by which; those of one name several times. */
export function matchersIn(
  expression: string,
): { readonly name: string; readonly matchers: readonly Matcher[] }[] {
  const selectors = expression.matchAll(/([A-Za-z_][\w:]*)\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\}/g);
  return Array.from(selectors, ([, name, inside]) => ({
    name: name!,
    matchers: Array.from(
      inside!.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g),
      ([, label, operator, value]) => ({
        label: label!,
        values: operator!.endsWith('~') ? value!.split('|') : [value!],
      }),
    ),
  }));
}

/** The labels that an expression aggregates or joins by. */
export function labelsIn(expression: string): string[] {
  const lists = expression.matchAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g);
  return [...new Set(Array.from(lists, ([, list]) => list!.split(/[\s,]+/)).flat())].filter(
    (label) => label !== '',
  );
}

/** The labels that `label_replace` makes. */
export function labelsMadeIn(expression: string): string[] {
  return Array.from(
    expression.matchAll(/"(\w+)",\s*"[^"]*",\s*"\w*",\s*"[^"]*"\s*\)/g),
    ([, label]) => label!,
  );
}
