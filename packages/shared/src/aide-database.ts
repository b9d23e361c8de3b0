/**
 * AIDE's database as text: `@@begin_db`, `@@db_spec` with the names of the columns, one line a path, `@@end_db`. The
 * text is ASCII: AIDE writes every other byte of a name as `%XX`, and what may hold any byte in base64. 0.18 and 0.19
 * differ in how they write times, which are not read here.
 *
 * Bits of the column `attr` say what was measured of a path (AIDE's attributes.h; the same in 0.18 and 0.19).
 */
import { encodePathText, isPathText } from './path-text.ts';

/** Where the columns stand that are read. Undefined: the database does not have it. */
export interface AideSpec {
  /** Number of columns. */
  readonly columns: number;
  readonly column: Readonly<Partial<Record<AideColumn, number>>>;
}

const aideColumns = [
  'name',
  'lname',
  'perm',
  'uid',
  'gid',
  'size',
  'lcount',
  'attr',
  'acl',
  'sha256',
  'selinux',
  'xattrs',
  'e2fsattrs',
  'capabilities',
] as const;
export type AideColumn = (typeof aideColumns)[number];

const needed: readonly AideColumn[] = ['name', 'perm', 'attr'];

/** AIDE knows fewer. */
export const maxAideColumns = 100;

/** The columns of a `@@db_spec` line; a sentence on what is wrong with it otherwise. */
export function parseAideSpec(line: string): AideSpec | string {
  if (!line.startsWith('@@db_spec ')) return 'the database does not begin with its columns (@@db_spec)';
  const names = line.slice('@@db_spec '.length).trimEnd().split(' ');
  if (names.length > maxAideColumns) return `the database has more than ${maxAideColumns} columns`;
  if (new Set(names).size < names.length) return 'a column of the database is named twice';
  const column: Partial<Record<AideColumn, number>> = {};
  for (const name of aideColumns) {
    const at = names.indexOf(name);
    if (at >= 0) column[name] = at;
  }
  const missing = needed.find((name) => column[name] === undefined);
  if (missing) return `the database has no column ${missing}`;
  if (column.name !== 0) return 'the first column of the database is not the name';
  return { columns: names.length, column };
}

/** A database whose rows can be asked for by name. Made of one text, of which the rows are slices. */
export interface AideDatabase {
  readonly spec: AideSpec;
  /** The `@@db_spec` line. */
  readonly specLine: string;
  /** Lines by path in text form, in the order of the text. */
  readonly rows: ReadonlyMap<string, string>;
}

/** The path of a row, in text form. AIDE escapes more bytes of a name than our text form does. */
export function aidePath(name: string): string {
  return name.includes('%') ? encodePathText(percentDecoded(name)) : name;
}

/** What AIDE stands `%XX` for, as a byte string. */
export function percentDecoded(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Reads a whole text; a sentence on what is wrong with it otherwise. */
export function readAideDatabase(text: string): AideDatabase | string {
  const rows = new Map<string, string>();
  let wrong: string | null = null;
  const scan = new AideDatabaseScan((line) => {
    const path = aidePath(line.slice(0, line.indexOf(' ')));
    if (!isPathText(path)) wrong ??= `${path} in the database is no path`;
    if (rows.has(path)) wrong ??= `${path} is in the database twice`;
    rows.set(path, line);
  });
  scan.take(text);
  const { problem, spec, specLine } = scan.end();
  if (problem !== null || wrong !== null) return problem ?? wrong!;
  return { spec: spec!, specLine: specLine!, rows };
}

/** The text of a database with these rows, which AIDE reads as one of its own. */
export function aideDatabaseText(specLine: string, rows: Iterable<string>): string {
  return `${['@@begin_db', specLine, ...rows, '@@end_db'].join('\n')}\n`;
}

/** What a scan has found at the end of the text. */
export interface AideScanEnd {
  /** Why this is no whole database; null if it is one. */
  readonly problem: string | null;
  readonly entries: number;
  readonly spec: AideSpec | null;
  readonly specLine: string | null;
}

/** Longer ones are not AIDE's: the longest name makes 12 KiB, an access control list or extended attributes 64 KiB each. */
export const maxAideLineCharacters = 512 * 1024;

/**
 * Says whether a text that comes in pieces is a whole database. Holds no more than one line, so the text may be larger
 * than memory.
 */
export class AideDatabaseScan {
  readonly #onRow: (line: string) => void;
  /** What of a line has come in so far. */
  #begun = '';
  #problem: string | null = null;
  #place: 'begin' | 'spec' | 'rows' | 'over' = 'begin';
  #spec: AideSpec | null = null;
  /** The form of a row; what it holds is looked at when it is needed. */
  #rowForm = /^/;
  #specLine: string | null = null;
  #entries = 0;

  constructor(onRow: (line: string) => void = () => {}) {
    this.#onRow = onRow;
  }

  take(piece: string): void {
    if (this.#problem !== null) return;
    let start = 0;
    for (;;) {
      const end = piece.indexOf('\n', start);
      if (end < 0) break;
      const line = this.#begun + piece.slice(start, end);
      this.#begun = '';
      start = end + 1;
      this.#problem = this.#line(line);
      if (this.#problem !== null) return;
    }
    this.#begun += piece.slice(start);
    if (this.#begun.length > maxAideLineCharacters) this.#problem = 'the database has a line that never ends';
  }

  end(): AideScanEnd {
    const cutOff = this.#place !== 'over' || this.#begun !== '';
    const problem =
      this.#problem ??
      (this.#place === 'begin' && this.#begun === '' ? 'the database is empty' : null) ??
      (cutOff ? 'the database is cut off: it does not end with @@end_db' : null);
    return { problem, entries: this.#entries, spec: this.#spec, specLine: this.#specLine };
  }

  /** Returns what is wrong with the line, or null. */
  #line(line: string): string | null {
    switch (this.#place) {
      case 'begin':
        if (line !== '@@begin_db') return 'the database does not begin with @@begin_db';
        this.#place = 'spec';
        return null;
      case 'spec':
        return this.#takeSpec(line);
      case 'rows':
        return this.#takeRow(line);
      case 'over':
        return 'the database goes on after @@end_db';
    }
  }

  #takeSpec(line: string): string | null {
    const spec = parseAideSpec(line);
    if (typeof spec === 'string') return spec;
    this.#spec = spec;
    this.#rowForm = new RegExp(`^/[!-~]*(?: [!-~]+){${spec.columns - 1}}$`);
    this.#specLine = line;
    this.#place = 'rows';
    return null;
  }

  #takeRow(line: string): string | null {
    if (line === '@@end_db') {
      this.#place = 'over';
      return null;
    }
    this.#entries += 1;
    if (!this.#rowForm.test(line)) return `row ${this.#entries} of the database does not have its columns`;
    this.#onRow(line);
    return null;
  }
}
