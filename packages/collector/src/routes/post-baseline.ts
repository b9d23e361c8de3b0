import { maxGlobLength } from '@holdfast/shared/glob';
import { Type } from 'typebox';
import { decideAcceptance } from '#core/accept-baseline';
import { emptyObjectForNoBody } from './json-body.ts';
import { baselineAnswer } from './node-answer.ts';
import { Reason } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { callerName, NodeParams, type Route } from './route.ts';

const maxPathsNamed = 1000;

const Body = Type.Object(
  {
    /** Globs. Left out: everything that is observed. */
    paths: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: maxGlobLength }), {
        minItems: 1,
        maxItems: maxPathsNamed,
      }),
    ),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);

/** Re-baseline: an operator accepts what the node observes. */
export const postBaseline: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/nodes/:node/baseline',
    {
      config: { role: 'operator' },
      schema: { params: NodeParams, body: Body },
      preValidation: emptyObjectForNoBody,
    },
    async (request) => {
      const { node } = request.params;
      const acceptance = {
        paths: request.body.paths ?? null,
        reason: request.body.reason ?? null,
        ifMatch: request.headers['if-match'] ?? null,
        who: callerName(request),
      };
      const now = clock();
      const decided = await store.decide(node, (view) => decideAcceptance(view, acceptance, now));
      const { outcome } = takenOrThrow(decided);
      return { node, ...outcome, baseline: baselineAnswer(outcome.baseline) };
    },
  );
};
