import type { ProblemCode } from '@holdfast/shared/problem-codes';
import type { Decided } from '#store/store';
import { ProblemError } from './problem.ts';

/** Decisions refuse with the code of a problem; what else they say goes into the answer. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
}

/** The decision's result if it was taken. Throws the refusal as a problem, with `members` added. */
export function takenOrThrow<R extends Refusal, Outcome>(
  decided: Decided<R, Outcome>,
  members: Readonly<Record<string, unknown>> = {},
): Exclude<Decided<R, Outcome>, { readonly refused: R }> {
  if (!('refused' in decided)) return decided;
  const { code, detail, ...more } = decided.refused;
  throw new ProblemError(code, detail, { ...more, ...members });
}
