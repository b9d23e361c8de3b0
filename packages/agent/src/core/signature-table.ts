/**
 * What lstat said of each path when it was last read, in one block of numbers (80 bytes a path): the metadata sweep
 * compares with it. Each row also carries the sequence of the read that made it.
 */
import type { FileStat } from './file-stat.ts';

const columns = 10;
const firstCapacity = 1024;

export class SignatureTable {
  readonly #rows = new Map<string, number>();
  readonly #free: number[] = [];
  #numbers = new Float64Array(firstCapacity * columns);
  #used = 0;

  /** Null if the path has no row. */
  sequenceOf(path: string): number | null {
    const row = this.#rows.get(path);
    return row === undefined ? null : this.#numbers[row * columns]!;
  }

  /** A later read found the path as it was. It must have a row. */
  touch(path: string, sequence: number): void {
    const row = this.#rows.get(path);
    if (row !== undefined) this.#numbers[row * columns] = sequence;
  }

  /** `stat` null: never equal to any later one, so that the path is looked at again. */
  set(path: string, sequence: number, stat: FileStat | null): void {
    let row = this.#rows.get(path);
    if (row === undefined) {
      row = this.#free.pop() ?? this.#used++;
      this.#rows.set(path, row);
    }
    if ((row + 1) * columns > this.#numbers.length) this.#grow();
    const at = row * columns;
    const numbers = this.#numbers;
    numbers[at] = sequence;
    numbers[at + 1] = stat ? stat.ino : Number.NaN;
    if (!stat) return;
    numbers[at + 2] = stat.dev;
    numbers[at + 3] = stat.ctimeMs;
    numbers[at + 4] = stat.mtimeMs;
    numbers[at + 5] = stat.size;
    numbers[at + 6] = stat.mode;
    numbers[at + 7] = stat.uid;
    numbers[at + 8] = stat.gid;
    numbers[at + 9] = stat.nlink;
  }

  delete(path: string): void {
    const row = this.#rows.get(path);
    if (row === undefined) return;
    this.#rows.delete(path);
    this.#free.push(row);
  }

  matches(path: string, stat: FileStat): boolean {
    const row = this.#rows.get(path);
    if (row === undefined) return false;
    const at = row * columns;
    const numbers = this.#numbers;
    return (
      numbers[at + 1] === stat.ino &&
      numbers[at + 2] === stat.dev &&
      numbers[at + 3] === stat.ctimeMs &&
      numbers[at + 4] === stat.mtimeMs &&
      numbers[at + 5] === stat.size &&
      numbers[at + 6] === stat.mode &&
      numbers[at + 7] === stat.uid &&
      numbers[at + 8] === stat.gid &&
      numbers[at + 9] === stat.nlink
    );
  }

  #grow(): void {
    const larger = new Float64Array(this.#numbers.length * 2);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}
