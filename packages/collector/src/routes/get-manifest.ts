import { Readable } from 'node:stream';
import type { Entry } from '@holdfast/shared/entry';
import * as Type from 'typebox';
import { knownNode } from './node-answer.ts';
import { ProblemError } from './problem.ts';
import { NodeParams, type Route } from './route.ts';

const Query = Type.Object(
  { of: Type.Optional(Type.Union([Type.Literal('observed'), Type.Literal('baseline')])) },
  { additionalProperties: false },
);

export const getManifest: Route = (app, { store }) => {
  app.get(
    '/api/v1/nodes/:node/manifest',
    { config: { role: 'viewer' }, schema: { params: NodeParams, querystring: Query } },
    async ({ params, query }, reply) => {
      const { state } = await knownNode(store, params.node);
      const of = query.of ?? 'observed';
      const digest = of === 'observed' ? state.observed : (state.baseline?.manifest ?? null);
      if (digest === null) throw new ProblemError('not-found', `The node has no ${of} manifest yet.`);
      return reply
        .type('application/x-ndjson')
        .header('holdfast-manifest', digest)
        .send(Readable.from(lines(store.manifestEntries(digest))));
    },
  );
};

/** A slice of entries at a time: the caller's pace is the store's. */
async function* lines(slices: AsyncIterable<Entry[]>): AsyncGenerator<string> {
  for await (const slice of slices) {
    if (slice.length > 0) yield `${slice.map((entry) => JSON.stringify(entry)).join('\n')}\n`;
  }
}
