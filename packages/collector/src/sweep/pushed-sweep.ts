/** A whole sweep as it travels from a job to the collector: `PUT /api/v1/sweeps/{id}/results`. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';
import { maxDiagnosticLength, outcomes, phases, StackName, StackResult } from '#sweep/core/stack-result';

export const maxPushedStacks = 5000;
export const maxPushedBytes = 64 * 1024 * 1024;

const strict = { additionalProperties: false } as const;
const Millis = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const text = (maxLength: number) => Type.String({ maxLength });
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);
const Names = Type.Array(text(1024), { maxItems: 1000 });

export const PushedBody = Type.Object(
  {
    only: nullable(Names),
    startedAt: Millis,
    deadlineMs: Millis,
    source: text(2000),
    scope: nullable(
      Type.Object(
        {
          discovered: Type.Integer({ minimum: 0, maximum: maxPushedStacks }),
          commit: nullable(Type.String({ pattern: '^[0-9a-f]{40,64}$' })),
          isDirty: Type.Boolean(),
          unmatched: Type.Optional(Names),
          disagreement: nullable(Type.Object({ onlyOurs: Names, onlyTerragrunt: Names }, strict)),
        },
        strict,
      ),
    ),
    end: Type.Object(
      {
        endedAt: Millis,
        phase: Type.Enum(['finished', 'failed', 'interrupted']),
        failure: nullable(
          Type.Object({ phase: Type.Enum([...phases]), diagnostic: text(maxDiagnosticLength) }, strict),
        ),
        endedBy: nullable(Type.Enum(['deadline', 'breaker', 'interrupt'])),
        confirmedOn: nullable(Type.String({ pattern: '^[0-9a-f]{40,64}$' })),
        predictedMs: nullable(Millis),
        reclassified: Millis,
        rules: Type.Array(
          Type.Object({ rule: text(4000), matched: Millis, expired: Type.Boolean() }, strict),
          { maxItems: 2000 },
        ),
        balanced: Type.Boolean(),
        leaked: Type.Boolean(),
      },
      strict,
    ),
    results: Type.Array(StackResult, { maxItems: maxPushedStacks }),
  },
  strict,
);
export type PushedBody = Static<typeof PushedBody>;

/** What a sweep that runs apart needs to know of earlier ones: `GET /api/v1/sweeps/hints`. */
export const SweepHints = Type.Object({
  salt: Type.String({ minLength: 16, maxLength: 200 }),
  /** By the collector's clock, which all ages go by. A collector of an earlier version does not tell it. */
  now: Type.Optional(Millis),
  stacks: Type.Array(
    Type.Object({
      stack: StackName,
      lastOutcome: Type.Enum([...outcomes]),
      durationMs: nullable(Millis),
    }),
  ),
});
export type SweepHints = Static<typeof SweepHints>;
export const sweepHints = shapeOf(SweepHints);

/** What contradicts itself in a body that is well formed; null if nothing does. */
export function pushedProblem({ results, scope, end, startedAt }: PushedBody): string | null {
  const names = new Set(results.map(({ stack }) => stack));
  if (names.size < results.length) return 'a stack has more than one result';
  const discovered = scope?.discovered ?? results.length;
  if (results.length !== discovered && end.phase !== 'failed') {
    return `${discovered} stacks were discovered, and ${results.length} have a result`;
  }
  return end.endedAt < startedAt ? 'the sweep ended before it began' : null;
}
