/**
 * How a Pushgateway is spoken to. PUT replaces the whole group, so that a stack or node that is gone leaves no series
 * behind; POST would keep it for ever.
 */
import { type HttpAnswer, type HttpOutcome, isSuccess } from '../http-client.ts';

export interface PushGroup {
  readonly job: string;
  /** Further labels that name the group. */
  readonly labels?: Readonly<Record<string, string>>;
}

export const expositionHeaders = { 'content-type': 'text/plain; version=0.0.4' };

/** A Pushgateway says no more than the status. A page with it is a proxy's, and nothing behind that has seen the series. */
export function isPushed(answer: HttpAnswer): boolean {
  return isSuccess(answer) && answer.body === '';
}

/** Why it was not taken, for people. */
export function pushProblem(answer: HttpOutcome): string {
  if ('unreachable' in answer) return answer.unreachable;
  const isPage = isSuccess(answer);
  return `it answered ${answer.status}${isPage ? ' with a page, as a proxy does and no Pushgateway' : ''}`;
}

export function groupUrl(gateway: URL, group: PushGroup): URL {
  const url = new URL(gateway.origin);
  url.pathname = `${gateway.pathname.replace(/\/+$/, '')}${groupPath(group)}`;
  return url;
}

/** A value with a slash, or without anything in it, has to be given in base64. */
export function groupPath({ job, labels = {} }: PushGroup): string {
  const pairs = [['job', job], ...Object.entries(labels)] as const;
  const parts = pairs.map(([name, value]) =>
    /^[\w.:-]+$/.test(value)
      ? `/${name}/${value}`
      : `/${name}@base64/${Buffer.from(value).toString('base64url') || '='}`,
  );
  return `/metrics${parts.join('')}`;
}
