/**
 * Which buckets are in use, roughly: a bitmap over 24 bits of the digest. A bucket that shares its bits with one in use
 * passes for used; `offset` says which bits are taken, so that another sweep finds what this one missed.
 */
const bitsTaken = 24;
const hexDigitsTaken = bitsTaken / 4;
const digestHexDigits = 64;

/** How many offsets there are to choose from. */
export const markOffsets = digestHexDigits - hexDigitsTaken + 1;

export class BucketMarks {
  readonly #bits = new Uint8Array(2 ** bitsTaken / 8);
  readonly #offset: number;

  /** `offset` from 0 to {@link markOffsets} - 1. */
  constructor(offset: number) {
    this.#offset = offset;
  }

  add(digest: string): void {
    const bit = this.#bitOf(digest);
    this.#bits[bit >> 3]! |= 1 << (bit & 7);
  }

  /** May be true for a digest that was not added, never false for one that was. */
  has(digest: string): boolean {
    const bit = this.#bitOf(digest);
    return (this.#bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  #bitOf(digest: string): number {
    return Number.parseInt(digest.slice(this.#offset, this.#offset + hexDigitsTaken), 16);
  }
}
