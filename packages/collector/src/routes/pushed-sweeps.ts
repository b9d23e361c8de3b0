/** The two routes of a sweep that runs apart from the collector. */
import { hash } from 'node:crypto';
import { hintsOf } from '#sweep/sweeper';
import { maxPushedBytes, PushedBody, pushedProblem, type SweepHints } from '#sweep/pushed-sweep';
import { ProblemError } from './problem.ts';
import { callerName, type Route } from './route.ts';
import { SweepParams } from './sweeps.ts';

export const getSweepHints: Route = (app, { store, clock }) => {
  app.get('/api/v1/sweeps/hints', { config: { role: 'sweeper' } }, async (): Promise<SweepHints> => {
    const [salt, stacks] = await Promise.all([store.sweeps.salt(), store.sweeps.stacks()]);
    const hints = [...hintsOf(stacks)].map(([stack, hint]) => ({ stack, ...hint }));
    return { salt, now: clock(), stacks: hints };
  });
};

/** Idempotent: the same results under the same id are taken once. 2xx means that they are durable. */
export const putSweepResults: Route = (app, { store, clock, sweeping }) => {
  app.put(
    '/api/v1/sweeps/:sweep/results',
    {
      config: { role: 'sweeper' },
      schema: { params: SweepParams, body: PushedBody },
      bodyLimit: maxPushedBytes,
    },
    async (request) => {
      const { body } = request;
      const { sweep: id } = request.params;
      const problem = pushedProblem(body);
      if (problem !== null)
        throw new ProblemError('invalid-sweep', `The results contradict each other: ${problem}.`);
      const now = clock();
      const { only, deadlineMs, source, scope, end, results } = body;
      const taken = await store.sweeps.take({
        start: {
          id,
          only,
          deadlineMs,
          source,
          trigger: 'push',
          who: callerName(request),
          reason: null,
          startedAt: Math.min(body.startedAt, now),
        },
        scope,
        // A clock ahead of ours would keep later results from being taken for newer.
        end: { ...end, endedAt: Math.min(end.endedAt, now) },
        results,
        receivedAt: now,
        digest: hash('sha256', JSON.stringify(body)),
      });
      if (taken.kind === 'conflict') {
        throw new ProblemError('sweep-conflict', `Other results were taken under the id ${id}.`);
      }
      if (taken.kind === 'taken') sweeping.onEnd();
      return { sweep: id, taken: taken.kind === 'taken', stacks: results.length };
    },
  );
};
