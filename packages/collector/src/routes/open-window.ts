import { maxGlobLength } from '@holdfast/shared/glob';
import * as Type from 'typebox';
import { maxWindowGlobs, windowProblem } from '#core/change-window';
import { ProblemError } from './problem.ts';
import { Reason } from './reason-body.ts';
import { callerName, type Route } from './route.ts';
import { maxSelectionBytes } from './selection-body.ts';
import { Until, untilOf } from './until-body.ts';
import { windowAnswer } from './window-answer.ts';

const Globs = Type.Array(Type.String({ minLength: 1, maxLength: maxGlobLength }), {
  minItems: 1,
  maxItems: maxWindowGlobs,
});

const Body = Type.Object(
  { nodes: Globs, paths: Globs, until: Until, reason: Reason, accept: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);

/** For a while these paths of these nodes are expected to change, once each. */
export const openWindow: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/windows',
    { config: { role: 'operator' }, schema: { body: Body }, bodyLimit: maxSelectionBytes },
    async (request, reply) => {
      const { nodes, paths, reason, accept = false } = request.body;
      const now = clock();
      const until = untilOf(request.body.until);
      const asked = { nodes, paths, until, reason, accept, openedAt: now, openedBy: callerName(request) };
      const problem = windowProblem(asked, now);
      if (problem) throw new ProblemError('bad-request', problem);
      const window = await store.windows.open(asked);
      if (!window)
        throw new ProblemError('too-many-requests', 'Too many windows are open; close some first.');
      return reply.code(201).send(windowAnswer(window, now));
    },
  );
};
