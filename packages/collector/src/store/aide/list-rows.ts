/** What is listed of AIDE on a node: its findings, what waits for it, where the engines disagree. */
import type { Database } from 'better-sqlite3';
import type { AideFinding } from '@holdfast/shared/aide-compare';
import { bucketOf } from '@holdfast/shared/manifest';
import type { AideEffects, EngineDisagreement, PendingPath } from '#core/aide-state';

export type AideListRows = ReturnType<typeof aideListRows>;

export function aideListRows(db: Database) {
  const sql = prepare(db);
  return {
    findingsIn: (node: number, bucket: number): Map<string, AideFinding> =>
      new Map(
        sql.findingsIn
          .all(node, bucket)
          .map(parseFinding)
          .map((finding) => [finding.path, finding]),
      ),
    findings: (node: number): AideFinding[] => sql.findings.all(node).map(parseFinding),
    /** Sorted by path. */
    pending: (node: number): PendingPath[] =>
      sql.pending.all(node).map(({ path, reviewed }) => ({
        path,
        reviewed: reviewed === null ? null : (JSON.parse(reviewed) as PendingPath['reviewed']),
      })),
    /** Sorted by path. */
    disagreements: (node: number): EngineDisagreement[] =>
      sql.disagreements.all(node).map((text) => JSON.parse(text) as EngineDisagreement),

    /** A list that is not null takes the place of what was there. */
    replace(node: number, { findings, pending, disagreements }: AideEffects): void {
      if (findings) sql.dropFindings.run(node);
      for (const finding of findings ?? []) {
        sql.addFinding.run(node, bucketOf(finding.path), finding.path, JSON.stringify(finding));
      }
      if (pending) sql.dropPending.run(node);
      for (const { path, reviewed } of pending ?? []) {
        sql.addPending.run(node, path, reviewed && JSON.stringify(reviewed));
      }
      if (disagreements) sql.dropDisagreements.run(node);
      for (const each of disagreements ?? []) {
        sql.addDisagreement.run(node, each.path, JSON.stringify(each));
      }
    },
  };
}

function parseFinding(text: string): AideFinding {
  return JSON.parse(text) as AideFinding;
}

function prepare(db: Database) {
  return {
    findingsIn: db
      .prepare<[number, number], string>('SELECT finding FROM aide_finding WHERE node = ? AND bucket = ?')
      .pluck(),
    findings: db.prepare<[number], string>('SELECT finding FROM aide_finding WHERE node = ?').pluck(),
    dropFindings: db.prepare('DELETE FROM aide_finding WHERE node = ?'),
    addFinding: db.prepare('INSERT INTO aide_finding (node, bucket, path, finding) VALUES (?, ?, ?, ?)'),
    pending: db.prepare<[number], { path: string; reviewed: string | null }>(
      'SELECT path, reviewed FROM aide_pending WHERE node = ? ORDER BY path',
    ),
    dropPending: db.prepare('DELETE FROM aide_pending WHERE node = ?'),
    addPending: db.prepare('INSERT INTO aide_pending (node, path, reviewed) VALUES (?, ?, ?)'),
    disagreements: db
      .prepare<[number], string>('SELECT disagreement FROM engine_disagreement WHERE node = ? ORDER BY path')
      .pluck(),
    dropDisagreements: db.prepare('DELETE FROM engine_disagreement WHERE node = ?'),
    addDisagreement: db.prepare(
      'INSERT INTO engine_disagreement (node, path, disagreement) VALUES (?, ?, ?)',
    ),
  };
}
