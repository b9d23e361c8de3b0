import { globProblem } from '@holdfast/shared/glob';
import * as Type from 'typebox';
import { maxStackGlobLength, stackGlob } from '#sweep/core/stack-glob';
import { emptyObjectForNoBody } from './json-body.ts';
import { ProblemError } from './problem.ts';
import { Reason } from './reason-body.ts';
import { callerName, type Route } from './route.ts';
import { maxSelectionBytes } from './selection-body.ts';
import { sweepAnswer, sweepDetails } from './stack-answer.ts';

export const maxSweepsPerPage = 200;
const maxGlobs = 100;

const SweepId = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
export const SweepParams = Type.Object({ sweep: SweepId });

const Body = Type.Object(
  {
    /** Globs. Left out: all stacks. */
    stacks: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: maxStackGlobLength }), {
        minItems: 1,
        maxItems: maxGlobs,
      }),
    ),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);

/** Starts a sweep. One at a time: while one runs, the answer names it. */
export const postSweep: Route = (app, { store, sweeping }) => {
  app.post(
    '/api/v1/sweeps',
    {
      config: { role: 'operator' },
      schema: { body: Body },
      preValidation: emptyObjectForNoBody,
      bodyLimit: maxSelectionBytes,
    },
    async (request, reply) => {
      const { stacks: only = null, reason = null } = request.body;
      for (const glob of only ?? []) {
        const problem = globProblem(stackGlob(glob));
        if (problem !== null) throw new ProblemError('bad-request', `The glob ${glob} ${problem}.`);
      }
      if (sweeping.start === null) {
        throw new ProblemError(
          'sweep-not-configured',
          'Configure where the stacks are: HOLDFAST_SWEEP_GIT or _PATH.',
        );
      }
      const who = callerName(request);
      const started = await sweeping.start({
        trigger: 'api',
        who,
        reason,
        only,
        audit: (sweep, at) => {
          const details = { sweep, stacks: only === null ? null : only.join(' ') };
          return { at, who, action: 'sweep', node: null, reason, details };
        },
      });
      if (started.kind === 'running') {
        throw new ProblemError('sweep-running', 'One sweep runs at a time.', { sweep: started.id });
      }
      const sweep = await store.sweeps.sweep(started.id);
      return reply
        .code(202)
        .header('location', `/api/v1/sweeps/${started.id}`)
        .send(sweep && sweepAnswer(sweep));
    },
  );
};

const Query = Type.Object(
  {
    before: Type.Optional(SweepId),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxSweepsPerPage })),
  },
  { additionalProperties: false },
);

export const listSweeps: Route = (app, { store }) => {
  app.get(
    '/api/v1/sweeps',
    { config: { role: 'viewer' }, schema: { querystring: Query } },
    async ({ query: { before = null, limit = 30 } }) => {
      const found = await store.sweeps.sweeps(before, limit + 1);
      const sweeps = found.slice(0, limit);
      const next = found.length > limit ? (sweeps.at(-1)?.id ?? null) : null;
      return { sweeps: sweeps.map(sweepAnswer), next };
    },
  );
};

/** While it runs, its progress: what is not planned yet is unmeasured. */
export const getSweep: Route = (app, { store }) => {
  app.get(
    '/api/v1/sweeps/:sweep',
    { config: { role: 'viewer' }, schema: { params: SweepParams } },
    async ({ params }) => {
      const sweep = await store.sweeps.sweep(params.sweep);
      if (!sweep) throw new ProblemError('sweep-unknown', `There is no sweep ${params.sweep}.`);
      return { ...sweepAnswer(sweep), ...sweepDetails(sweep, await store.sweeps.resultsOf(sweep.id)) };
    },
  );
};
