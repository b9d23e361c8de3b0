import * as Type from 'typebox';
import { decideAcceptance } from '#core/accept-baseline';
import { emptyObjectForNoBody } from './json-body.ts';
import { baselineAnswer } from './node-answer.ts';
import { askedBy, Reason } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { NodeParams, type Route } from './route.ts';
import { maxSelectionBytes, selectionOf, selectionProperties } from './selection-body.ts';

const Body = Type.Object(
  { ...selectionProperties, reason: Type.Optional(Reason) },
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
      bodyLimit: maxSelectionBytes,
    },
    async (request) => {
      const { node } = request.params;
      const acceptance = {
        ...selectionOf(request.body),
        ...askedBy(request),
        ifMatch: request.headers['if-match'] ?? null,
      };
      const now = clock();
      const decided = await store.decide(node, (view) => decideAcceptance(view, acceptance, now));
      const { outcome } = takenOrThrow(decided);
      return { node, ...outcome, baseline: baselineAnswer(outcome.baseline) };
    },
  );
};
