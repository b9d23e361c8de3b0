import * as Type from 'typebox';
import type { OddEntry } from '#core/odd-entries';
import type { Route } from './route.ts';

const maxNodesPerPage = 500;

const Query = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 253 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxNodesPerPage })),
  },
  { additionalProperties: false },
);

/** Nodes that differ from their siblings though not from their own baselines. */
export const listOutliers: Route = (app, { store }) => {
  app.get(
    '/api/v1/outliers',
    { config: { role: 'viewer' }, schema: { querystring: Query } },
    async ({ query: { after = '', limit = 50 } }) => {
      const { nodes, ...counts } = await store.outliers.look();
      const page = nodes.filter(({ node }) => node > after).slice(0, limit);
      return {
        nodes: nodes.length + counts.hiddenNodes,
        ...counts,
        outliers: page.map(({ shown, ...node }) => ({ ...node, differences: shown.map(differenceAnswer) })),
        next: page.length === limit ? (page.at(-1)?.node ?? null) : null,
      };
    },
  );
};

function differenceAnswer({ before, after, siblings, ...change }: OddEntry) {
  return { ...change, usual: before, usualOn: siblings, observed: after };
}
