/** The JSON of a large object, a piece at a time, so that making it never holds up anything else for long. */

/** Elements of an array that are made into text in one go: a few milliseconds. */
export const chunkElements = 500;

/** Together the pieces are what JSON.stringify(value) gives. Arrays directly below `value` are cut into pieces. */
export function* jsonChunks(value: object): Generator<string> {
  let separator = '{';
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    yield `${separator}${JSON.stringify(key)}:`;
    separator = ',';
    if (Array.isArray(member) && member.length > 0) yield* arrayChunks(member);
    else yield JSON.stringify(member);
  }
  yield separator === '{' ? '{}' : '}';
}

function* arrayChunks(array: readonly unknown[]): Generator<string> {
  for (let i = 0; i < array.length; i += chunkElements) {
    const inner = JSON.stringify(array.slice(i, i + chunkElements)).slice(1, -1);
    yield `${i === 0 ? '[' : ','}${inner}`;
  }
  yield ']';
}
