/** Acceptances of a row of the fleet's drift on all its nodes: one record a job, one a node of it. */
import type { Database } from 'better-sqlite3';
import { fingerprintBytes } from '#core/drift-fingerprint';
import type { Millis } from '#core/node-state';
import { standsOnNode } from '#store/drift-change-rows';
import type { Job, JobNode, JobNodes, NewJob } from '#store/job-store';

interface JobRow {
  readonly id: number;
  readonly row: string;
  readonly fingerprints: Buffer;
  readonly who: string;
  readonly reason: string | null;
  readonly created_at: number;
  readonly ended_at: number | null;
}

export interface JobResult {
  readonly job: number;
  readonly accepted: number;
  readonly baseline: number;
}

export function jobRows(db: Database) {
  const sql = prepare(db);
  return {
    /** The job over this row that runs already, if there is one. */
    running: (row: string): Job | null => toJob(sql.runningOver.get(row)),
    countRunning: (): number => sql.countRunning.get() ?? 0,
    /** Over the nodes on which the first change stands; returns how many those are. */
    add({ row, fingerprints, who, reason, createdAt }: NewJob): { id: number; nodes: number } {
      const bytes = Buffer.from(fingerprints.join(''), 'hex');
      const id = Number(sql.add.run(row, bytes, who, reason, createdAt).lastInsertRowid);
      return { id, nodes: sql.addNodes.run(id, bytes.subarray(0, fingerprintBytes)).changes };
    },
    get: (id: number): Job | null => toJob(sql.get.get(id)),
    /** Newest first. */
    list: (before: number, limit: number): Job[] => sql.list.all(before, limit).map((row) => toJob(row)!),
    oldestRunning: (): Job | null => toJob(sql.oldestRunning.get()),
    counts(id: number): JobNodes {
      const counts = { pending: 0, accepted: 0, refused: 0 };
      for (const { outcome, nodes } of sql.counts.all(id)) counts[outcome] = nodes;
      return counts;
    },
    nodes: (id: number, after: string, limit: number): JobNode[] => sql.nodes.all(id, after, limit),
    pending: (id: number, limit: number): string[] => sql.pending.all(id, limit),
    accept(node: number, { job, accepted, baseline }: JobResult, at: Millis): void {
      sql.accept.run(at, accepted, baseline, job, node);
    },
    refuse(id: number, node: string, code: string, detail: string, at: Millis): void {
      sql.refuse.run(at, code, detail, id, node);
    },
    end: (id: number, at: Millis): void => void sql.end.run(at, id),
    /** Removes what belongs to jobs that ended before `before`: nodes first, `limit` at most; returns how many rows. */
    drop(before: Millis, limit: number): number {
      return sql.dropNodes.run(before, limit).changes || sql.dropJobs.run(before, limit).changes;
    },
  };
}

function prepare(db: Database) {
  const result = "UPDATE job_node SET at = ?, outcome = 'accepted', accepted = ?, baseline = ?";
  return {
    runningOver: db.prepare<[string], JobRow>('SELECT * FROM job WHERE row = ? AND ended_at IS NULL'),
    countRunning: db.prepare<[], number>('SELECT count(*) FROM job WHERE ended_at IS NULL').pluck(),
    oldestRunning: db.prepare<[], JobRow>('SELECT * FROM job WHERE ended_at IS NULL ORDER BY id LIMIT 1'),
    add: db.prepare('INSERT INTO job (row, fingerprints, who, reason, created_at) VALUES (?, ?, ?, ?, ?)'),
    addNodes: db.prepare(
      `INSERT INTO job_node (job, node, outcome)
       SELECT ?, id, 'pending' FROM node WHERE deleted_at IS NULL AND ${standsOnNode}`,
    ),
    get: db.prepare<[number], JobRow>('SELECT * FROM job WHERE id = ?'),
    list: db.prepare<[number, number], JobRow>('SELECT * FROM job WHERE id < ? ORDER BY id DESC LIMIT ?'),
    counts: db.prepare<[number], { outcome: keyof JobNodes; nodes: number }>(
      'SELECT outcome, count(*) AS nodes FROM job_node WHERE job = ? GROUP BY outcome',
    ),
    nodes: db.prepare<[number, string, number], JobNode>(
      `SELECT name AS node, outcome, at, accepted, job_node.baseline, code, detail
       FROM job_node JOIN node ON node.id = job_node.node WHERE job = ? AND name > ? ORDER BY name LIMIT ?`,
    ),
    pending: db
      .prepare<[number, number], string>(
        `SELECT name FROM job_node JOIN node ON node.id = job_node.node
         WHERE job = ? AND outcome = 'pending' ORDER BY job_node.node LIMIT ?`,
      )
      .pluck(),
    accept: db.prepare(`${result} WHERE job = ? AND node = ? AND outcome = 'pending'`),
    refuse: db.prepare(
      `UPDATE job_node SET at = ?, outcome = 'refused', code = ?, detail = ?
       WHERE job = ? AND node = (SELECT id FROM node WHERE name = ?) AND outcome = 'pending'`,
    ),
    end: db.prepare('UPDATE job SET ended_at = ? WHERE id = ?'),
    dropNodes: db.prepare(
      `DELETE FROM job_node WHERE (job, node) IN
         (SELECT job, node FROM job_node JOIN job ON job.id = job_node.job WHERE ended_at < ? LIMIT ?)`,
    ),
    dropJobs: db.prepare('DELETE FROM job WHERE id IN (SELECT id FROM job WHERE ended_at < ? LIMIT ?)'),
  };
}

function toJob(row: JobRow | undefined): Job | null {
  if (!row) return null;
  const hex = row.fingerprints.toString('hex');
  const digits = 2 * fingerprintBytes;
  return {
    id: row.id,
    row: row.row,
    fingerprints: Array.from({ length: hex.length / digits }, (_, i) =>
      hex.slice(i * digits, (i + 1) * digits),
    ),
    who: row.who,
    reason: row.reason,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
