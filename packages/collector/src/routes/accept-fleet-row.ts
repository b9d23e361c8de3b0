import * as Type from 'typebox';
import { maxRowChanges } from '#core/accept-row';
import { knownRow, RowId } from './fleet-answer.ts';
import { jobAnswer } from './job-answer.ts';
import { ProblemError } from './problem.ts';
import { askedBy, Reason } from './reason-body.ts';
import type { Route } from './route.ts';

const Body = Type.Object({ row: RowId, reason: Type.Optional(Reason) }, { additionalProperties: false });

/** Accepts a row on all its nodes. 202 means that it will be carried out, over a crash too. */
export const acceptFleetRow: Route = (app, { store, clock, jobs }) => {
  app.post(
    '/api/v1/drift/accept',
    { config: { role: 'operator' }, schema: { body: Body } },
    async (request, reply) => {
      const row = await knownRow(store.fleet, request.body.row);
      if (row.changes.length > maxRowChanges) {
        const detail = `The row has ${row.changes.length} changes, above the ${maxRowChanges} that are accepted on many nodes at once; accept it node by node.`;
        throw new ProblemError('bad-request', detail);
      }
      const job = await store.jobs.create({
        row: row.id,
        fingerprints: row.changes.map(({ fingerprint }) => fingerprint),
        ...askedBy(request),
        createdAt: clock(),
      });
      if (!job) throw new ProblemError('too-many-requests', 'Too many jobs run; wait until some have ended.');
      jobs.wake();
      reply.code(202).header('location', `/api/v1/jobs/${job.id}`);
      return jobAnswer(job, await store.jobs.counts(job.id));
    },
  );
};
