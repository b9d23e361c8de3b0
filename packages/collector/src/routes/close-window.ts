import * as Type from 'typebox';
import { emptyObjectForNoBody } from './json-body.ts';
import { ProblemError } from './problem.ts';
import { askedBy, Reason } from './reason-body.ts';
import type { Route } from './route.ts';
import { windowAnswer } from './window-answer.ts';

const Params = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) });
const Body = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });

/** Closes a window before its time. One that is over already stays as it is. */
export const closeWindow: Route = (app, { store, clock }) => {
  app.delete(
    '/api/v1/windows/:id',
    {
      config: { role: 'operator' },
      schema: { params: Params, body: Body },
      preValidation: emptyObjectForNoBody,
    },
    async (request) => {
      const now = clock();
      const { id } = request.params;
      const { who, reason } = askedBy(request);
      const window = await store.windows.close(id, now, who, reason);
      if (!window) throw new ProblemError('not-found', `There is no window ${id}.`);
      return windowAnswer(window, now);
    },
  );
};
