/** A baseline database that is made of two: AIDE has no way to accept some paths, but its database has a row a path. */
import { hash } from 'node:crypto';
import { type AideDatabase, aideDatabaseText } from '@holdfast/shared/aide-database';
import type { MadeDatabase } from '#core/aide-state';

/** `baseline` with the rows that `newer` has of `paths`; a path that `newer` lacks goes. */
export function withRowsOf(
  baseline: AideDatabase,
  newer: AideDatabase,
  paths: Iterable<string>,
): MadeDatabase {
  const rows = new Map(inColumnsOf(newer, baseline));
  for (const path of paths) {
    const line = newer.rows.get(path);
    if (line === undefined) rows.delete(path);
    else rows.set(path, line);
  }
  return made(newer.specLine, rows);
}

/** `newer`, but for `paths`, which stay as they are in `baseline`. */
export function allButRowsOf(
  baseline: AideDatabase,
  newer: AideDatabase,
  paths: Iterable<string>,
): MadeDatabase {
  const old = inColumnsOf(newer, baseline);
  const rows = new Map(newer.rows);
  for (const path of paths) {
    const line = old.get(path);
    if (line === undefined) rows.delete(path);
    else rows.set(path, line);
  }
  return made(newer.specLine, rows);
}

function made(specLine: string, rows: ReadonlyMap<string, string>): MadeDatabase {
  const text = aideDatabaseText(specLine, rows.values());
  return { digest: hash('sha256', text), text, entries: rows.size };
}

/** The rows of `database` as `model` would write them; a column that they lack was not measured. */
function inColumnsOf(model: AideDatabase, database: AideDatabase): ReadonlyMap<string, string> {
  if (model.specLine === database.specLine) return database.rows;
  const from = columnsOf(database.specLine);
  const places = columnsOf(model.specLine).map((name) => from.indexOf(name));
  const rows = new Map<string, string>();
  for (const [path, line] of database.rows) {
    const fields = line.split(' ');
    rows.set(path, places.map((place) => (place < 0 ? '0' : fields[place]!)).join(' '));
  }
  return rows;
}

function columnsOf(specLine: string): string[] {
  return specLine.trimEnd().split(' ').slice(1);
}
