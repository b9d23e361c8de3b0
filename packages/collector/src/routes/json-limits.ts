/**
 * How much JSON text may hold, found out before it is parsed: a few kilobytes unpack to 128 MiB of brackets, and those
 * parse to gigabytes.
 */

export interface JsonLimits {
  /** Objects and arrays inside one another. */
  readonly depth: number;
  /** Objects and arrays in all. */
  readonly containers: number;
  /** Members of one object. */
  readonly members: number;
  /** Commas in all: members and elements but for the first of each container. */
  readonly commas: number;
}

const code = (character: string) => character.charCodeAt(0);
const quote = code('"');
const comma = code(',');
const openers = [code('{'), code('[')] as const;
const closers = [code('}'), code(']')] as const;

/** What `text` has more of than allowed, or null. Whether it is JSON at all is for the parser to say. */
export function jsonExcess(text: string, limits: JsonLimits): string | null {
  /** Of the containers around the present place: how many members more they may have; an array any number. */
  const room: number[] = [];
  let containers = 0;
  let commas = 0;
  for (let i = 0; i < text.length; i++) {
    const at = text.charCodeAt(i);
    if (at === quote) i = endOfString(text, i);
    else if (at === comma) {
      if ((commas += 1) > limits.commas) return 'more values than a report can have';
      if ((room[room.length - 1]! -= 1) <= 0) return 'an object with more members than any has';
    } else if (at === openers[0] || at === openers[1]) {
      if ((containers += 1) > limits.containers) return 'more objects and arrays than a report can have';
      if (room.length >= limits.depth) return 'deeper nesting than a report has';
      room.push(at === openers[0] ? limits.members : Infinity);
    } else if (at === closers[0] || at === closers[1]) room.pop();
  }
  return null;
}

/** Where the string ends that begins at `start`; the end of the text if it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
