import * as Type from 'typebox';
import { decideUnacknowledgement } from '#core/acknowledge-drift';
import { emptyObjectForNoBody } from './json-body.ts';
import { askedBy, Reason } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { NodeParams, type Route } from './route.ts';
import { maxSelectionBytes, selectionOf, selectionProperties } from './selection-body.ts';

const Body = Type.Object(
  { ...selectionProperties, reason: Type.Optional(Reason) },
  { additionalProperties: false },
);

/** Takes back that drifts were acknowledged. */
export const unacknowledgeDrift: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/nodes/:node/drift/unacknowledge',
    {
      config: { role: 'operator' },
      schema: { params: NodeParams, body: Body },
      preValidation: emptyObjectForNoBody,
      bodyLimit: maxSelectionBytes,
    },
    async (request) => {
      const { node } = request.params;
      const ifMatch = request.headers['if-match'] ?? null;
      const asked = { ...selectionOf(request.body), ...askedBy(request), ifMatch };
      const now = clock();
      const decided = await store.decide(node, (view) => decideUnacknowledgement(view, asked, now));
      const { outcome } = takenOrThrow(decided);
      return { node, unacknowledged: outcome.drifts };
    },
  );
};
