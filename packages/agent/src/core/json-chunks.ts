/** The JSON of a large object, a piece at a time, so that making it never holds up anything else for long. */

/** Together the pieces are what JSON.stringify(value) gives. Arrays directly below `value` come element by element. */
export function* jsonChunks(value: object): Generator<string> {
  let separator = '{';
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    yield `${separator}${JSON.stringify(key)}:`;
    separator = ',';
    if (Array.isArray(member) && member.length > 0) yield* elementChunks(member);
    else yield JSON.stringify(member);
  }
  yield separator === '{' ? '{}' : '}';
}

function* elementChunks(array: readonly unknown[]): Generator<string> {
  let separator = '[';
  for (const element of array) {
    yield separator + JSON.stringify(element);
    separator = ',';
  }
  yield ']';
}
