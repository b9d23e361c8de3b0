/**
 * Takes values out of a JSON document that comes in pieces, without ever holding the document: a plan's JSON may have a
 * hundred megabytes, and one resource of it some kilobytes. What is skipped is only counted through, so a document that
 * is cut short or has more closing than opening brackets is noticed, and not every other mistake.
 *
 * A document begins with the key `format_version`, as all of Terraform and OpenTofu do. What comes before it is passed
 * over, and what comes after it: wrappers print lines and prefixes of their own.
 */

/** `take`: emit the text of the value; `enter`: ask again for each value in it; `skip`: pass over it. */
export type Interest = 'take' | 'enter' | 'skip';
/** Keys from the root; `*` for an element of an array. */
export type JsonPath = readonly string[];

export const maxTakenBytes = 8 * 1024 * 1024;
const maxKeyBytes = 64 * 1024;

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

const firstKey = 'format_version';
const opening = `{"${firstKey}"`;

type Expected = 'document' | 'value' | 'key' | 'colon' | 'separator' | 'nothing';

export class JsonSplitter {
  readonly #interest: (path: JsonPath) => Interest;
  readonly #emit: (path: JsonPath, text: string) => void;
  #expected: Expected = 'document';
  /** How much of the opening has been seen. */
  #opened = 0;
  #problem: string | null = null;
  /** The containers that were entered: what closes each. The path has one name for each of them. */
  readonly #closers: number[] = [];
  readonly #path: string[] = [];
  #raw: RawValue | null = null;

  constructor(interest: (path: JsonPath) => Interest, emit: (path: JsonPath, text: string) => void) {
    this.#interest = interest;
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    for (let i = 0; i < chunk.length && this.#problem === null; ) {
      if (this.#raw) {
        const end = this.#raw.scan(chunk, i);
        if (this.#raw.takenBytes > maxTakenBytes) this.#problem = `one value is over ${maxTakenBytes} bytes`;
        if (this.#raw.isWhole) this.#finishRaw();
        i = end;
      } else {
        // A value begins at its first byte, which the scan of it takes in.
        if (!this.#step(chunk[i]!)) continue;
        i += 1;
      }
    }
  }

  /** What is wrong with the document; null if nothing is. Call it once, when no more comes. */
  end(): string | null {
    if (this.#problem !== null) return this.#problem;
    if (this.#expected === 'document') return 'it holds no JSON document';
    return this.#expected === 'nothing' ? null : 'it is cut short';
  }

  /** Whether the byte was consumed. */
  #step(byte: number): boolean {
    if (this.#expected === 'nothing') return true;
    if (this.#expected === 'document') return this.#findDocument(byte);
    if (byte <= 0x20) return true;
    if (this.#expected === 'colon') return this.#expect(byte, colon, 'value');
    if (this.#expected === 'separator' && byte === comma) {
      this.#expected = this.#closers.at(-1) === closeBrace ? 'key' : 'value';
      return true;
    }
    if (byte === closeBrace || byte === closeBracket) return this.#leave(byte);
    if (this.#expected === 'separator') return this.#fail(byte);
    if (this.#expected === 'key') {
      if (byte !== quote) return this.#fail(byte);
      this.#raw = new RawValue('key', byte);
      return false;
    }
    return this.#begin(byte);
  }

  #findDocument(byte: number): boolean {
    const matches = byte === opening.charCodeAt(this.#opened);
    this.#opened = matches ? this.#opened + 1 : byte === openBrace ? 1 : 0;
    if (this.#opened === opening.length) {
      this.#closers.push(closeBrace);
      this.#path.push(firstKey);
      this.#expected = 'colon';
    }
    return true;
  }

  #begin(byte: number): boolean {
    const interest = this.#interest(this.#path);
    if (interest === 'enter' && (byte === openBrace || byte === openBracket)) {
      this.#closers.push(byte === openBrace ? closeBrace : closeBracket);
      this.#path.push('*');
      this.#expected = byte === openBrace ? 'key' : 'value';
      return true;
    }
    this.#raw = new RawValue(interest === 'take' ? 'take' : 'skip', byte);
    return false;
  }

  #leave(byte: number): boolean {
    if (byte !== this.#closers.pop()) return this.#fail(byte);
    this.#path.pop();
    this.#expected = this.#closers.length === 0 ? 'nothing' : 'separator';
    return true;
  }

  #finishRaw(): void {
    const { purpose, text } = this.#raw!;
    this.#raw = null;
    if (purpose === 'key') {
      this.#path[this.#path.length - 1] = text.length > maxKeyBytes ? '' : (JSON.parse(text) as string);
      this.#expected = 'colon';
      return;
    }
    if (purpose === 'take') this.#emit(this.#path, text);
    this.#expected = this.#closers.length === 0 ? 'nothing' : 'separator';
  }

  #expect(byte: number, wanted: number, next: Expected): boolean {
    if (byte !== wanted) return this.#fail(byte);
    this.#expected = next;
    return true;
  }

  #fail(byte: number): boolean {
    this.#problem = `unexpected ${JSON.stringify(String.fromCharCode(byte))}`;
    return true;
  }
}

/** One value that is passed over or taken whole: only its end is looked for. */
class RawValue {
  readonly purpose: 'key' | 'take' | 'skip';
  takenBytes = 0;
  isWhole = false;
  readonly #parts: Buffer[] = [];
  readonly #isScalar: boolean;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(purpose: 'key' | 'take' | 'skip', first: number) {
    this.purpose = purpose;
    this.#isScalar = first !== quote && first !== openBrace && first !== openBracket;
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }

  /** Reads on from `start`; answers where it stopped. */
  scan(chunk: Buffer, start: number): number {
    let end = start;
    while (end < chunk.length && !this.isWhole) {
      const byte = chunk[end]!;
      if (
        this.#isScalar &&
        (byte === comma || byte === closeBrace || byte === closeBracket || byte <= 0x20)
      ) {
        this.isWhole = true;
        break;
      }
      this.#take(byte);
      end += 1;
    }
    if (this.purpose !== 'skip') {
      this.takenBytes += end - start;
      this.#parts.push(chunk.subarray(start, end));
    }
    return end;
  }

  #take(byte: number): void {
    if (this.#isScalar) return;
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        this.isWhole = this.#depth === 0;
      }
    } else if (byte === quote) this.#inString = true;
    else if (byte === openBrace || byte === openBracket) this.#depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      this.#depth -= 1;
      this.isWhole = this.#depth === 0;
    }
  }
}
