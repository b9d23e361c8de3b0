/**
 * Puts series into a Pushgateway. PUT replaces the whole group, so that a stack or node that is gone leaves no series
 * behind; POST would keep it for ever.
 */
import { Delivery, type DeliveryParts } from './delivery.ts';

export interface PushGroup {
  readonly job: string;
  /** Further labels that name the group. */
  readonly labels?: Readonly<Record<string, string>>;
}

export class Pushgateway implements AsyncDisposable {
  readonly #url: URL;
  readonly #delivery: Delivery;

  constructor(url: URL, parts: Omit<DeliveryParts, 'output'>) {
    this.#url = url;
    this.#delivery = new Delivery({ ...parts, output: 'pushgateway' });
  }

  /** `series` is the text of an exposition, without timestamps. Never waits, never throws. */
  put(group: PushGroup, series: Buffer): void {
    const url = new URL(this.#url.origin);
    url.pathname = `${this.#url.pathname.replace(/\/+$/, '')}${groupPath(group)}`;
    this.#delivery.send({
      method: 'PUT',
      url,
      headers: { 'content-type': 'text/plain; version=0.0.4' },
      body: series,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#delivery[Symbol.asyncDispose]();
  }
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
