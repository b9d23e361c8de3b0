import type { Job, JobNodes } from '#store/job-store';
import { timestamp } from './route.ts';

export function jobAnswer(job: Job, nodes: JobNodes) {
  return {
    job: job.id,
    row: job.row,
    changes: job.fingerprints.length,
    who: job.who,
    reason: job.reason,
    createdAt: timestamp(job.createdAt),
    endedAt: timestamp(job.endedAt),
    nodes,
  };
}
