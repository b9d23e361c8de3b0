/**
 * The text form of a path. A path is bytes; its text form is what travels, is stored, sorted, labelled and shown.
 *
 * Rules, in order:
 * 1. `%`, and every byte that is not part of valid UTF-8, becomes `%XX` (upper-case hex).
 * 2. Every byte of a code point in `hiddenRanges` becomes `%XX`: controls, separators, invisible and bidirectional
 *    marks, private use. The list is frozen here, so that digests do not move with a Unicode version.
 * 3. Everything else stands for itself.
 *
 * The map is one-to-one: `decodePathText(encodePathText(b)) === b`, and `isPathText` accepts exactly its image.
 * Bytes are passed as "byte strings": one UTF-16 unit (0–255) a byte, what Node calls `latin1`.
 */

/** First and last of the code points that are escaped. Frozen: digests cover the text form. */
export const hiddenRanges: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x034f, 0x034f],
  [0x061c, 0x061c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xe000, 0xf8ff],
  [0xfdd0, 0xfdef],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xfffe, 0xffff],
  [0x13430, 0x1343f],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0x10ffff],
];

/** Printable ASCII without `%`: stands for itself, and is what nearly every path consists of. */
const plain = /^[\x20-\x24\x26-\x7e]*$/;

/** The text form of `bytes` (a byte string, see above). */
export function encodePathText(bytes: string): string {
  if (plain.test(bytes)) return bytes;
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = visibleSequence(bytes, i);
    if (length > 0) {
      text += String.fromCodePoint(codePointAt(bytes, i, length));
      i += length;
    } else {
      text += `%${bytes.charCodeAt(i).toString(16).toUpperCase().padStart(2, '0')}`;
      i += 1;
    }
  }
  return text;
}

/** The bytes that `text` stands for, as a byte string. `text` must satisfy {@link isPathText}'s escaping rules. */
export function decodePathText(text: string): string {
  if (plain.test(text)) return text;
  let bytes = '';
  for (let i = 0; i < text.length; ) {
    if (text[i] === '%') {
      bytes += String.fromCharCode(Number.parseInt(text.slice(i + 1, i + 3), 16));
      i += 3;
      continue;
    }
    const codePoint = text.codePointAt(i) ?? 0;
    bytes += utf8(codePoint);
    i += codePoint > 0xffff ? 2 : 1;
  }
  return bytes;
}

/** Whether `text` is the text form of an absolute, normalised path: no empty, `.` or `..` part, no closing `/`, no NUL. */
export function isPathText(text: string): boolean {
  if (text === '/') return true;
  if (!text.startsWith('/') || text.length > maxPathTextLength) return false;
  if (/\/(?:\.{0,2}(?:\/|$))|%00/.test(text)) return false;
  return plain.test(text) || encodePathText(decodePathText(text)) === text;
}

/** Whether `text` is the text form of any byte sequence, as of a symlink's target. */
export function isByteText(text: string): boolean {
  return (
    text.length <= maxPathTextLength && (plain.test(text) || encodePathText(decodePathText(text)) === text)
  );
}

/** Linux allows 4,095 bytes in a path that a program passes; each takes at most three characters here. */
export const maxPathTextLength = 3 * 4096;

/** The directory that `path` lies in; `/` for `/` itself. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: string, ancestor: string): boolean {
  if (ancestor === '/') return true;
  return path.startsWith(ancestor) && (path.length === ancestor.length || path[ancestor.length] === '/');
}

/** Length in bytes of the visible, unescaped character that starts at `i`; 0 if that byte must be escaped. */
function visibleSequence(bytes: string, i: number): number {
  const first = bytes.charCodeAt(i);
  if (first < 0x80) return first === 0x25 || isHidden(first) ? 0 : 1;
  const length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first > 0xf4 || i + length > bytes.length) return 0;
  for (let k = 1; k < length; k++) {
    if ((bytes.charCodeAt(i + k) & 0xc0) !== 0x80) return 0;
  }
  const codePoint = codePointAt(bytes, i, length);
  const smallest = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  if (codePoint < smallest || codePoint > 0x10ffff || isSurrogate || isHidden(codePoint)) return 0;
  return length;
}

function codePointAt(bytes: string, i: number, length: number): number {
  const first = bytes.charCodeAt(i);
  if (length === 1) return first;
  let codePoint = first & (0xff >> (length + 1));
  for (let k = 1; k < length; k++) codePoint = (codePoint << 6) | (bytes.charCodeAt(i + k) & 0x3f);
  return codePoint;
}

function isHidden(codePoint: number): boolean {
  for (const [first, last] of hiddenRanges) {
    if (codePoint < first) return false;
    if (codePoint <= last) return true;
  }
  return false;
}

function utf8(codePoint: number): string {
  if (codePoint < 0x80) return String.fromCharCode(codePoint);
  if (codePoint < 0x800) return String.fromCharCode(0xc0 | (codePoint >> 6), 0x80 | (codePoint & 0x3f));
  const tail = String.fromCharCode(0x80 | ((codePoint >> 6) & 0x3f), 0x80 | (codePoint & 0x3f));
  if (codePoint < 0x10000) return String.fromCharCode(0xe0 | (codePoint >> 12)) + tail;
  return String.fromCharCode(0xf0 | (codePoint >> 18), 0x80 | ((codePoint >> 12) & 0x3f)) + tail;
}
