import * as Type from 'typebox';
import { StackName } from '#sweep/core/stack-result';
import { ProblemError } from './problem.ts';
import { type Route, timestamp } from './route.ts';
import { resultAnswer, stackAnswer, sweepAnswer } from './stack-answer.ts';

export const maxOutcomesPerPage = 400;

export const listStacks: Route = (app, { store }) => {
  app.get('/api/v1/stacks', { config: { role: 'viewer' } }, async () => {
    const [stacks, last] = await Promise.all([store.sweeps.stacks(), store.sweeps.lastWhole()]);
    return { stacks: stacks.map(stackAnswer), sweep: last && sweepAnswer(last) };
  });
};

const Params = Type.Object({ stack: StackName });
const Query = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxOutcomesPerPage })) },
  { additionalProperties: false },
);

/** The name is URL-encoded, its slashes too. */
export const getStack: Route = (app, { store }) => {
  app.get(
    '/api/v1/stacks/:stack',
    { config: { role: 'viewer' }, schema: { params: Params, querystring: Query } },
    async ({ params: { stack }, query: { limit = 30 } }) => {
      const state = await store.sweeps.stack(stack);
      if (!state) throw new ProblemError('stack-unknown', `No sweep has found a stack called ${stack}.`);
      const outcomes = await store.sweeps.outcomesOf(stack, limit);
      return {
        ...stackAnswer(state),
        changes: state.measured?.changes ?? [],
        outcomes: outcomes.map(({ sweep, endedAt, result }) => ({
          sweep,
          sweptAt: timestamp(endedAt),
          ...resultAnswer(result),
        })),
      };
    },
  );
};
