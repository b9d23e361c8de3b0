import type { AuditRecord } from '#core/node-state';
import type { GroupCommit } from '#store/group-commit';
import { type JobStore, maxRunningJobs } from '#store/job-store';
import { reading } from '#store/storage-error';
import type { Tables } from '#store/tables';

export function jobsOnSqlite({ jobs, audit }: Tables, commits: GroupCommit): JobStore {
  return {
    create: (job) =>
      commits.run(() => {
        const { row, fingerprints, who, reason, createdAt: at } = job;
        const record = (details: AuditRecord['details']) =>
          audit.add({ at, who, action: 'accept-row', node: null, reason, details });
        const running = jobs.running(row);
        if (running) {
          record({ job: running.id, row, joined: true });
          return running;
        }
        if (jobs.countRunning() >= maxRunningJobs) return null;
        const { id, nodes } = jobs.add(job);
        record({ job: id, row, nodes, changes: fingerprints.length });
        return { ...job, id, endedAt: null };
      }),
    get: async (id) => reading(() => jobs.get(id)),
    list: async (before, limit) => reading(() => jobs.list(before ?? Number.MAX_SAFE_INTEGER, limit)),
    counts: async (id) => reading(() => jobs.counts(id)),
    nodes: async (id, after, limit) => reading(() => jobs.nodes(id, after, limit)),
    running: async () => reading(() => jobs.oldestRunning()),
    pending: async (id, limit) => reading(() => jobs.pending(id, limit)),
    refuse: (...result) => commits.run(() => jobs.refuse(...result)),
    end: (id, at) => commits.run(() => jobs.end(id, at)),
  };
}
