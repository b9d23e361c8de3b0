import * as Type from 'typebox';
import { jobAnswer } from './job-answer.ts';
import type { Route } from './route.ts';

const maxJobsPerPage = 100;

const Query = Type.Object(
  { before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })) },
  { additionalProperties: false },
);

/** Acceptances on many nodes, the newest first. */
export const listJobs: Route = (app, { store }) => {
  app.get(
    '/api/v1/jobs',
    { config: { role: 'viewer' }, schema: { querystring: Query } },
    async ({ query: { before = null } }) => {
      const jobs = await store.jobs.list(before, maxJobsPerPage);
      const answers = [];
      for (const job of jobs) answers.push(jobAnswer(job, await store.jobs.counts(job.id)));
      return { jobs: answers, next: jobs.length === maxJobsPerPage ? (jobs.at(-1)?.id ?? null) : null };
    },
  );
};
