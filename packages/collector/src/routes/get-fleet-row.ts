import * as Type from 'typebox';
import { knownRow, RowId, rowAnswer } from './fleet-answer.ts';
import type { Route } from './route.ts';

const maxNodesPerPage = 10_000;
const maxChangesShown = 5000;

const Query = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 253 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxNodesPerPage })),
  },
  { additionalProperties: false },
);

/** One row with its changes and its nodes, paged by the names of these. */
export const getFleetRow: Route = (app, { store }) => {
  app.get(
    '/api/v1/drift/:row',
    { config: { role: 'viewer' }, schema: { params: Type.Object({ row: RowId }), querystring: Query } },
    async ({ params, query: { after = '', limit = 1000 } }) => {
      const row = await knownRow(store.fleet, params.row);
      const shown = { nodesAfter: after, maxNodes: limit, maxChanges: maxChangesShown };
      const answer = await rowAnswer(store.fleet, row, shown);
      return { ...answer, next: answer.onNodes.length === limit ? (answer.onNodes.at(-1) ?? null) : null };
    },
  );
};
