import * as Type from 'typebox';
import { rowAnswer } from './fleet-answer.ts';
import type { Route } from './route.ts';

const maxRowsPerPage = 500;
const shown = { nodesAfter: '', maxNodes: 10, maxChanges: 10 } as const;

const Query = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxRowsPerPage })) },
  { additionalProperties: false },
);

/** The same set of changes on many nodes is one row. */
export const listFleetDrift: Route = (app, { store }) => {
  app.get(
    '/api/v1/drift',
    { config: { role: 'viewer' }, schema: { querystring: Query } },
    async ({ query: { limit = 50 } }) => {
      const { rows, hiddenChanges } = await store.fleet.view();
      const drift = [];
      for (const row of rows.slice(0, limit)) drift.push(await rowAnswer(store.fleet, row, shown));
      return { rows: rows.length, hiddenChanges, drift };
    },
  );
};
