/** Someone has seen a drift and does not accept it: alerts are to be quiet about it until a time. */
import type { Millis } from '#core/node-state';

export interface Acknowledgement {
  readonly at: Millis;
  readonly who: string;
  readonly reason: string;
  readonly until: Millis;
}

/** An acknowledgement may not silence a drift for longer than this. */
export const maxAcknowledgementDays = 366;

/**
 * It is in force from when it was given until its time is over. It goes with the drift when that ends, and is taken off
 * where the drift changes its content: what was seen is not what is there then.
 */
export function isInForce(acknowledgement: Acknowledgement | null, now: Millis): boolean {
  return acknowledgement !== null && now < acknowledgement.until;
}

/** What is wrong with the time that an acknowledgement is to last until; null if nothing is. */
export function untilProblem(until: Millis, now: Millis, maxDays: number): string | null {
  if (until <= now) return 'until is not in the future';
  if (until > now + maxDays * 86_400_000) return `until is more than ${maxDays} days ahead`;
  return null;
}
