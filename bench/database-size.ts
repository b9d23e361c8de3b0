/** What a collector's database is made of. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { databaseName } from '@holdfast/collector/store/sqlite-store';

export interface DatabaseSize {
  /** Nodes, manifests, baselines and standing drift, with their indexes, and pages that hold nothing. */
  readonly bytes: number;
  /** Events, the audit, and what was pushed out or swept. Budgeted apart: it grows with what happens, up to its retention. */
  readonly historyBytes: number;
  readonly aideBytes: number;
}

const history = new Set([
  'event',
  'audit',
  'audit_chain',
  'outlet',
  'sweep',
  'stack_result',
  'job',
  'job_node',
]);

/** Of a directory that no collector has open; its write-ahead log is carried over first. */
export function databaseSize(dataDir: string): DatabaseSize {
  const db = new DatabaseSync(join(dataDir, databaseName));
  try {
    const rows = (sql: string) => db.prepare(sql).all() as Record<string, number | string>[];
    const number = (sql: string, column: string) => Number(rows(sql)[0]?.[column]);
    rows('PRAGMA wal_checkpoint(TRUNCATE)');
    const tables = rows(
      `SELECT tbl_name, sum(pgsize) AS bytes FROM dbstat JOIN sqlite_schema USING (name)
       WHERE aggregate = TRUE GROUP BY tbl_name`,
    );
    const sum = (isWanted: (table: string) => boolean) =>
      tables.reduce(
        (bytes, one) => bytes + (isWanted(String(one['tbl_name'])) ? Number(one['bytes']) : 0),
        0,
      );
    const historyBytes = sum((table) => history.has(table));
    const aideBytes = sum((table) => table.startsWith('aide_'));
    const allBytes = number('PRAGMA page_count', 'page_count') * number('PRAGMA page_size', 'page_size');
    return { bytes: allBytes - historyBytes - aideBytes, historyBytes, aideBytes };
  } finally {
    db.close();
  }
}
