/** Merges sorted lists of lines into one sorted sequence, without building it. */
export function* mergeSorted(lists: readonly (readonly string[])[]): Generator<string> {
  const heap = new CursorHeap();
  for (const list of lists) if (list.length > 0) heap.push({ list, at: 0 });
  for (let top = heap.pop(); top; top = heap.pop()) {
    yield top.list[top.at]!;
    if (top.at + 1 < top.list.length) heap.push({ list: top.list, at: top.at + 1 });
  }
}

interface Cursor {
  readonly list: readonly string[];
  readonly at: number;
}

/** A binary heap: the cursor at the smallest line on top. */
class CursorHeap {
  readonly #cursors: Cursor[] = [];

  push(cursor: Cursor): void {
    let i = this.#cursors.push(cursor) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  pop(): Cursor | undefined {
    const top = this.#cursors[0];
    const last = this.#cursors.pop();
    if (!top || this.#cursors.length === 0) return top;
    this.#cursors[0] = last!;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      if (left >= this.#cursors.length) return top;
      const right = left + 1;
      const child = right < this.#cursors.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, i)) return top;
      this.#swap(child, i);
      i = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#cursors[a]!, this.#cursors[b]!];
    return one.list[one.at]! < other.list[other.at]!;
  }

  #swap(a: number, b: number): void {
    [this.#cursors[a], this.#cursors[b]] = [this.#cursors[b]!, this.#cursors[a]!];
  }
}
