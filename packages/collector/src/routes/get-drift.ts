import type { Millis, NodeState } from '#core/node-state';
import { isInForce } from '#core/acknowledgement';
import { driftTag } from '#core/drift-tag';
import { seenByNative } from '#core/judge';
import type { DriftRecord } from '#store/store';
import { driftContents } from './drift-contents.ts';
import { enginesAnswer } from './aide-answer.ts';
import { jsonInSlices, jsonType } from './json-slices.ts';
import { knownNode } from './node-answer.ts';
import { NodeParams, type Route, timestamp } from './route.ts';

export const getDrift: Route = (app, { store, clock }) => {
  app.get(
    '/api/v1/nodes/:node/drift',
    { config: { role: 'viewer' }, schema: { params: NodeParams } },
    async ({ params, headers }, reply) => {
      // The tag is read before the drift: if a report comes in between, an acceptance that names it is refused.
      const { state } = await knownNode(store, params.node);
      const now = clock();
      const acknowledged = await store.acknowledgementTag(params.node, now);
      const tag = `"${[driftTag(state), ...(acknowledged ? [acknowledged] : [])].join('-')}"`;
      reply.header('etag', tag).header('cache-control', 'private, no-cache');
      if (namesTag(headers['if-none-match'], tag)) return reply.code(304).send();
      const [drift, unknown, aide] = await Promise.all([
        store.standingDrift(params.node),
        store.unknownPaths(params.node),
        store.aide.lists(params.node),
      ]);
      const contents = await driftContents(store, params.node, drift);
      const answer = (record: DriftRecord) => ({
        ...driftAnswer(record, state, now),
        content: contents.get(record.path) ?? null,
      });
      const { pending, disagreements } = aide;
      return reply
        .type(jsonType)
        .send(
          jsonInSlices(
            { node: params.node, baseline: state.baseline?.sequence ?? null, observed: state.observed },
            ['drift', drift, answer],
            { unknown, pendingForAide: pending.map(({ path }) => path), disagreements },
          ),
        );
    },
  );
};

function driftAnswer(drift: DriftRecord, { observedAt, aide }: NodeState, now: Millis) {
  const { id, path, change, firstSeenAt, occurrences, unknown, acknowledgement, expected } = drift;
  const seenAt = seenByNative(drift) ? observedAt : (aide?.run?.judgedAt ?? null);
  return {
    id,
    path,
    change,
    ...enginesAnswer(drift),
    firstSeenAt: timestamp(firstSeenAt),
    lastSeenAt: timestamp(Math.max(firstSeenAt, seenAt ?? 0)),
    occurrences,
    unknown,
    expected,
    acknowledged:
      acknowledgement && isInForce(acknowledgement, now)
        ? {
            ...acknowledgement,
            at: timestamp(acknowledgement.at),
            until: timestamp(acknowledgement.until),
          }
        : null,
  };
}

/** `If-None-Match` compares weakly, and may list several tags. */
function namesTag(header: string | undefined, tag: string): boolean {
  const tags = (header ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}
