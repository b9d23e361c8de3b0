/**
 * What came of a request to the collector, decided from status and body alone. A body that is not what it should be
 * counts as no answer: something else than a collector spoke.
 */
import { BaseMismatch, CommandList, Problem, ReportAnswer } from '@holdfast/shared/wire';
import { shapeOf } from '@holdfast/shared/shape';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** As it was sent. */
  readonly retryAfter: string | null;
}

/** Nobody knows whether the request had an effect; it is to be repeated as it was. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
  /** What the other side asked for. */
  readonly retryAfterMs: number | null;
}

/** The request had no effect, and repeating it as it was would not help. */
export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  /** Of problem-codes.ts, or `http-STATUS` if the answer had none. */
  readonly code: string;
  readonly detail: string;
}

export type ReportOutcome =
  | { readonly kind: 'acknowledged'; readonly answer: ReportAnswer }
  | { readonly kind: 'base-mismatch'; readonly mismatch: BaseMismatch }
  | { readonly kind: 'scope-unknown' }
  | Refused
  | Unavailable;

export type CommandsOutcome =
  | { readonly kind: 'commands'; readonly list: CommandList }
  /** There is no such route: a proxy or a site forbids it. */
  | { readonly kind: 'unsupported'; readonly status: number }
  | Refused
  | Unavailable;

const answerShape = shapeOf(ReportAnswer);
const mismatchShape = shapeOf(BaseMismatch);
const problemShape = shapeOf(Problem);
const commandsShape = shapeOf(CommandList);

/** `now`: milliseconds since 1970, for a Retry-After that names a date. */
export function reportOutcome(answer: HttpAnswer, now: number): ReportOutcome {
  const value = parseJson(answer.body);
  if (isSuccess(answer.status)) {
    return answerShape.check(value) ? { kind: 'acknowledged', answer: value } : notOurs(answer, now);
  }
  if (answer.status === 409 && problemShape.check(value)) {
    if (value.code === 'scope-unknown') return { kind: 'scope-unknown' };
    if (value.code === 'base-mismatch') {
      return mismatchShape.check(value) ? { kind: 'base-mismatch', mismatch: value } : notOurs(answer, now);
    }
  }
  return failure(answer, value, now);
}

export function commandsOutcome(answer: HttpAnswer, now: number): CommandsOutcome {
  const value = parseJson(answer.body);
  if (answer.status === 204) return { kind: 'commands', list: { commands: [] } };
  if (isSuccess(answer.status)) {
    return commandsShape.check(value) ? { kind: 'commands', list: value } : notOurs(answer, now);
  }
  const isNodeUnknown = problemShape.check(value) && value.code === 'node-unknown';
  if ([404, 405, 501].includes(answer.status) && !isNodeUnknown) {
    return { kind: 'unsupported', status: answer.status };
  }
  return failure(answer, value, now);
}

const worthRepeating = [408, 425, 429];

/** For what is told beside reports: the answer's value if `isShape` finds it so. */
export function exchangeOutcome<T>(
  answer: HttpAnswer,
  isShape: (value: unknown) => value is T,
  now: number,
):
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'unsupported' }
  | Refused
  | Unavailable {
  const value = parseJson(answer.body);
  if (isSuccess(answer.status)) {
    return isShape(value) ? { kind: 'answered', value } : notOurs(answer, now);
  }
  const isNodeUnknown = problemShape.check(value) && value.code === 'node-unknown';
  if ([404, 405, 501].includes(answer.status) && !isNodeUnknown) return { kind: 'unsupported' };
  return failure(answer, value, now);
}

function failure(answer: HttpAnswer, value: unknown, now: number): Refused | Unavailable {
  const { status } = answer;
  const problem = problemShape.check(value) ? value : null;
  const code = problem?.code ?? `http-${status}`;
  const detail = (problem?.detail ?? '').slice(0, 500);
  if (status < 300 || status >= 500 || worthRepeating.includes(status)) {
    const reason = `the collector answered ${status} ${problem?.code ?? ''} ${detail}`.trimEnd();
    return { kind: 'unavailable', reason, retryAfterMs: parseRetryAfter(answer.retryAfter, now) };
  }
  if (status < 400) return { kind: 'refused', status, code, detail: 'redirects are not followed' };
  return { kind: 'refused', status, code, detail };
}

function notOurs(answer: HttpAnswer, now: number): Unavailable {
  const reason = `the answer (${answer.status}) is not a collector’s`;
  return { kind: 'unavailable', reason, retryAfterMs: parseRetryAfter(answer.retryAfter, now) };
}

/** Milliseconds; null if the header is missing or says nothing. */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
