/** What people are told, in a form that Slack and its like understand, and that a program can read too. */

/** Slack cuts a longer text off by itself, in the middle of a line. */
export const maxTextCharacters = 3500;

export interface WebhookMessage {
  /** One line or several, in Slack's notation. */
  readonly text: string;
  /** What happened, as in `sweep`; names the member that holds the whole of it. */
  readonly event: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export function webhookBody({ text, event, details }: WebhookMessage): string {
  const cut = text.length > maxTextCharacters ? `${text.slice(0, maxTextCharacters - 1)}…` : text;
  return JSON.stringify({ text: cut, event, [event]: details });
}

/** For text in Slack's notation: a name may hold what is a link or a mention there. */
export function slackText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
