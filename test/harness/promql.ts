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
