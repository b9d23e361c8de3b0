import { NodeName } from '@holdfast/shared/wire';
import * as Type from 'typebox';
import { decideRestoration } from '#core/restore-baseline';
import { baselineAnswer } from './node-answer.ts';
import { askedBy, operatorActs } from './reason-body.ts';
import { takenOrThrow } from './refusal.ts';
import { type Route } from './route.ts';

const Params = Type.Object({
  node: NodeName,
  sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});

export const restoreBaseline: Route = (app, { store, clock }) => {
  app.post(
    '/api/v1/nodes/:node/baselines/:sequence/restore',
    { ...operatorActs, schema: { ...operatorActs.schema, params: Params } },
    async (request) => {
      const { node, sequence } = request.params;
      const restoration = {
        sequence,
        ifMatch: request.headers['if-match'] ?? null,
        ...askedBy(request),
      };
      const now = clock();
      const decided = await store.decide(node, (view) => decideRestoration(view, restoration, now));
      const { outcome } = takenOrThrow(decided);
      return { node, ...outcome, baseline: baselineAnswer(outcome.baseline) };
    },
  );
};
