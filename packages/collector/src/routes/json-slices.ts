/** A long list as part of a JSON answer, made a slice at a time: others have their turn in between, and no text is held whole. */
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What one slice costs is some milliseconds. */
const itemsPerSlice = 500;

export const jsonType = 'application/json; charset=utf-8';

/** The text of `{...before, [name]: items.map(toAnswer), ...after}`, in that order, with a newline at its end. */
export function jsonInSlices<T>(
  before: object,
  [name, items, toAnswer]: readonly [name: string, items: readonly T[], toAnswer: (item: T) => object],
  after: object,
): Readable {
  async function* text(): AsyncGenerator<string> {
    yield `{${[...members(before), JSON.stringify(name)].join(',')}:[`;
    for (let at = 0; at < items.length; at += itemsPerSlice) {
      const slice = items.slice(at, at + itemsPerSlice).map((item) => JSON.stringify(toAnswer(item)));
      yield `${at === 0 ? '' : ','}${slice.join(',')}`;
      await nextTurn();
    }
    yield `${[']', ...members(after)].join(',')}}\n`;
  }
  return Readable.from(text());
}

function members(object: object): string[] {
  return Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
}
