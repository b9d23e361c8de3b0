/** Tells people, in a form that Slack and its like understand, and that a program can read too. */
import { Delivery, type DeliveryParts } from './delivery.ts';

/** Slack cuts a longer text off by itself, in the middle of a line. */
export const maxTextCharacters = 3500;

export interface WebhookMessage {
  /** One line or several, in Slack's notation. */
  readonly text: string;
  /** What happened, as in `sweep`; names the member that holds the whole of it. */
  readonly event: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export class Webhook implements AsyncDisposable {
  readonly #url: URL;
  readonly #delivery: Delivery;

  constructor(url: URL, parts: Omit<DeliveryParts, 'output'>) {
    this.#url = url;
    this.#delivery = new Delivery({ ...parts, output: 'webhook' });
  }

  /** Never waits, never throws. */
  tell(message: WebhookMessage): void {
    this.#delivery.send({
      method: 'POST',
      url: this.#url,
      headers: { 'content-type': 'application/json' },
      body: webhookBody(message),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#delivery[Symbol.asyncDispose]();
  }
}

export function webhookBody({ text, event, details }: WebhookMessage): string {
  const cut = text.length > maxTextCharacters ? `${text.slice(0, maxTextCharacters - 1)}…` : text;
  return JSON.stringify({ text: cut, event, [event]: details });
}

/** For text in Slack's notation: a name may hold what is a link or a mention there. */
export function slackText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
