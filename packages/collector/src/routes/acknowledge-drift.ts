import * as Type from 'typebox';
import { decideAcknowledgement } from '#core/acknowledge-drift';
import { Reason } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { callerName, NodeParams, type Route, timestamp } from './route.ts';
import { maxSelectionBytes, selectionOf, selectionProperties } from './selection-body.ts';
import { Until, untilOf } from './until-body.ts';

const Body = Type.Object(
  { ...selectionProperties, until: Until, reason: Reason },
  { additionalProperties: false },
);

/** Seen, not accepted: alerts can be quiet about it until a time. The baseline does not move. */
export const acknowledgeDrift: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/nodes/:node/drift/acknowledge',
    {
      config: { role: 'operator' },
      schema: { params: NodeParams, body: Body },
      bodyLimit: maxSelectionBytes,
    },
    async (request) => {
      const { node } = request.params;
      const { reason } = request.body;
      const until = untilOf(request.body.until);
      const asked = {
        ...selectionOf(request.body),
        reason,
        until,
        ifMatch: request.headers['if-match'] ?? null,
        who: callerName(request),
      };
      const now = clock();
      const decided = await store.decide(node, (view) => decideAcknowledgement(view, asked, now));
      const { outcome } = takenOrThrow(decided);
      return { node, acknowledged: outcome.drifts, until: timestamp(until) };
    },
  );
};
