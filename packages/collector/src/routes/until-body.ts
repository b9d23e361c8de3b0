/** A time to come, in a body. */
import * as Type from 'typebox';
import type { Millis } from '#core/node-state';
import { ProblemError } from './problem.ts';

/** RFC 3339 with a zone. */
export const Until = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$',
});

/** Throws the problem `bad-request` for a day or an hour that no calendar has. */
export function untilOf(text: string): Millis {
  const at = Date.parse(text);
  // Date.parse takes the 31st of November for the 1st of December.
  const day = text.slice(0, 10);
  const isDay = new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day);
  if (Number.isNaN(at) || !isDay) throw new ProblemError('bad-request', `until: ${text} is no time`);
  return at;
}
