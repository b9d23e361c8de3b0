import * as Type from 'typebox';
import type { StoredEvent } from '#store/store';
import { knownNode } from './node-answer.ts';
import { ProblemError } from './problem.ts';
import { NodeParams, type Route, timestamp } from './route.ts';

export const maxEventsPerPage = 1000;

const Query = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxEventsPerPage })),
    last: Type.Optional(Type.Integer({ minimum: 1, maximum: maxEventsPerPage })),
  },
  { additionalProperties: false },
);

export const listEvents: Route = (app, { store }) => {
  app.get(
    '/api/v1/nodes/:node/events',
    { config: { role: 'viewer' }, schema: { params: NodeParams, querystring: Query } },
    async ({ params: { node }, query }) => {
      await knownNode(store, node);
      const { after = 0, limit = 100, last } = query;
      if (last !== undefined) {
        if (query.after !== undefined || query.limit !== undefined)
          throw new ProblemError('bad-request', 'querystring: last goes neither with after nor with limit');
        const events = await store.lastEvents(node, last);
        return { node, events: events.map(eventAnswer), next: events.at(-1)?.id ?? 0, more: false };
      }
      // One more than asked for says whether there is more.
      const found = await store.events(node, after, limit + 1);
      const events = found.slice(0, limit);
      return {
        node,
        events: events.map(eventAnswer),
        next: events.at(-1)?.id ?? after,
        more: found.length > limit,
      };
    },
  );
};

function eventAnswer(event: StoredEvent) {
  return { ...event, at: timestamp(event.at) };
}
