import * as Type from 'typebox';
import { jobAnswer } from './job-answer.ts';
import { ProblemError } from './problem.ts';
import { type Route, timestamp } from './route.ts';

const maxNodesPerPage = 10_000;

const Params = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) });
const Query = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 253 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxNodesPerPage })),
  },
  { additionalProperties: false },
);

/** How far an acceptance on many nodes has got, and what came of it on each. */
export const getJob: Route = (app, { store }) => {
  app.get(
    '/api/v1/jobs/:id',
    { config: { role: 'viewer' }, schema: { params: Params, querystring: Query } },
    async ({ params: { id }, query: { after = '', limit = 1000 } }) => {
      const job = await store.jobs.get(id);
      if (!job) throw new ProblemError('not-found', `There is no job ${id}.`);
      const results = await store.jobs.nodes(id, after, limit);
      return {
        ...jobAnswer(job, await store.jobs.counts(id)),
        results: results.map((result) => ({ ...result, at: timestamp(result.at) })),
        next: results.length === limit ? (results.at(-1)?.node ?? null) : null,
      };
    },
  );
};
