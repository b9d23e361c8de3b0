/** Regular expressions that match the UTF-8 bytes of characters, for matchers that know of bytes only. */
type CodePoints = readonly (readonly [first: number, last: number])[];

/** The last code point that takes one, two, three and four bytes; the surrogates between are none. */
const lengths: CodePoints = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, 0x10ffff],
];

/** Alternatives that together match the bytes of every code point in `ranges`, and nothing else. */
export function utf8Alternatives(ranges: CodePoints): string[] {
  return ranges.flatMap(([first, last]) =>
    lengths.flatMap(([shortest, longest]) => {
      const from = Math.max(first, shortest);
      const to = Math.min(last, longest);
      return from > to ? [] : between(utf8Bytes(from), utf8Bytes(to));
    }),
  );
}

/** `[\xHH]`, or a range: a class never has a meaning beside its bytes. */
export function byteRange(first: number, last: number): string {
  return first === last ? `[${hex(first)}]` : `[${hex(first)}-${hex(last)}]`;
}

export function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** `from` and `to` have the same length. */
function between(from: readonly number[], to: readonly number[]): string[] {
  const [low, ...lowRest] = from;
  const [high, ...highRest] = to;
  if (low === undefined || high === undefined) return [''];
  const lowest = lowRest.map(() => 0x80);
  const highest = lowRest.map(() => 0xbf);
  if (low === high) return between(lowRest, highRest).map((rest) => byteRange(low, low) + rest);
  const start = same(lowRest, lowest) ? low : low + 1;
  const end = same(highRest, highest) ? high : high - 1;
  return [
    ...(start > low ? between(lowRest, highest).map((rest) => byteRange(low, low) + rest) : []),
    ...(start <= end ? between(lowest, highest).map((rest) => byteRange(start, end) + rest) : []),
    ...(end < high ? between(lowest, highRest).map((rest) => byteRange(high, high) + rest) : []),
  ];
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.every((byte, i) => byte === b[i]);
}

function utf8Bytes(codePoint: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(codePoint))];
}
