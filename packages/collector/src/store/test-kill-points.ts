/**
 * What a `kill -9` leaves of a database, at every point between two statements. The process loses its memory, and nothing of
 * what write() has handed to the kernel: a copy of the database and its write-ahead log that is taken between two
 * statements is exactly what a kill there leaves. The log's index in shared memory is no part of it: whoever opens the
 * files first makes it anew.
 *
 * Most statements write to memory alone. Those that do not (COMMIT, the checkpoint after it, one that finds no room in the
 * page cache) write many pages, the log first and each file from front to back: a kill in between leaves the files cut there.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import Sqlite, { type Database, type Statement } from 'better-sqlite3';

export interface Disk {
  readonly database: Buffer;
  readonly log: Buffer;
}

export interface KillPoint {
  /** The statement that was executed last. */
  readonly after: string;
  /** The same object as at the point before unless the statement wrote to it. */
  readonly disk: Disk;
  /** Whether what is recorded had been answered by then. */
  readonly isAnswered: boolean;
}

/** Of the formats of SQLite's database and log. */
const pageBytesAt = 16;
const logHeadBytes = 32;
const frameHeadBytes = 24;

const methods = ['run', 'get', 'all', 'iterate'] as const;
type Execute = (this: Statement, ...bound: unknown[]) => unknown;

/** Watches all statements of this process until it is disposed of. */
export class KillPoints implements Disposable {
  readonly points: KillPoint[] = [];
  isAnswered = false;
  readonly #file: string;
  readonly #restore: () => void;
  /** While it records. */
  #log: number | null = null;
  #database: Database | null = null;

  constructor(file: string) {
    this.#file = file;
    const probe = new Sqlite(':memory:');
    const statements = Object.getPrototypeOf(probe.prepare('SELECT 1')) as Record<string, Execute>;
    probe.close();
    const note = (statement: Statement) => this.#note(statement);
    const originals = methods.map((method) => [method, statements[method]!] as const);
    for (const [method, execute] of originals) {
      statements[method] = function executeAndNote(...bound) {
        const result = execute.apply(this, bound);
        note(this);
        return result;
      };
    }
    this.#restore = () => Object.assign(statements, Object.fromEntries(originals));
  }

  /** Of the connection that was used last. */
  set(pragma: string): void {
    this.#database!.pragma(pragma);
  }

  /** Calls `work`, and notes a point before it and after each statement until it is done. */
  async record(work: () => Promise<void>): Promise<readonly KillPoint[]> {
    const log = openSync(`${this.#file}-wal`, 'r');
    this.points.push({ after: 'nothing', disk: this.#disk(readAll(log)), isAnswered: this.isAnswered });
    this.#log = log;
    try {
      await work();
    } finally {
      this.#log = null;
      closeSync(log);
    }
    return this.points;
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  #note({ database, source: after }: Statement): void {
    if (database.name !== this.#file) return;
    this.#database = database;
    if (this.#log === null) return;
    const { disk: before } = this.points.at(-1)!;
    // The database is written by checkpoints alone, and those follow on what the same statement wrote to the log.
    const log = readAll(this.#log);
    const disk = log.equals(before.log) ? before : this.#disk(log);
    this.points.push({ after, disk, isAnswered: this.isAnswered });
  }

  #disk(log: Buffer): Disk {
    return { database: readFileSync(this.#file), log: Buffer.from(log) };
  }
}

let space = Buffer.alloc(1024 * 1024);

/** Until the next call: so many statements are looked after that a copy for each would be most of the work. */
function readAll(file: number): Buffer {
  const { size } = fstatSync(file);
  if (size > space.length) space = Buffer.alloc(2 * size);
  return space.subarray(0, readSync(file, space, 0, size, 0));
}

/** Some of what lies on the disk while a statement makes `after` of `before`, both left out. */
export function* disksBetween(before: Disk, after: Disk): Generator<Disk> {
  const { database, log } = before;
  const pageBytes = after.database.readUInt16BE(pageBytesAt);
  for (const cut of cuts(log, after.log, logHeadBytes, frameHeadBytes + pageBytes))
    yield { database, log: cut };
  if (after.database.equals(database)) return;
  yield { database, log: after.log };
  for (const cut of cuts(database, after.database, 0, pageBytes)) yield { database: cut, log: after.log };
}

/** `after` up to a place between two pages, and `before` from there on: the first place, the last, and one in the middle. */
function cuts(before: Buffer, after: Buffer, headBytes: number, stepBytes: number): Buffer[] {
  const places: number[] = [];
  let from = 0;
  for (let at = headBytes; at < after.length; at += stepBytes) {
    if (!after.subarray(from, at).equals(before.subarray(from, at))) places.push(at);
    from = at;
  }
  const chosen = new Set([places[0], places[places.length >> 1], places.at(-1)]);
  return [...chosen].flatMap((at) =>
    at === undefined ? [] : [Buffer.concat([after.subarray(0, at), before.subarray(at)])],
  );
}
