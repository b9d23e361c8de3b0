/** When the next report goes out. All times are milliseconds of one monotonic clock. */

export interface Schedule {
  /** When a report was first wanted since the last one was built; null if none is. */
  readonly wantedAt: number | null;
  readonly heartbeatAt: number;
  /** Failed tries wait for this, whatever is wanted. */
  readonly notBefore: number;
  /** A report waits to be repeated. */
  readonly isUnanswered: boolean;
}

/** What is wanted in the same moment goes into one report. */
export const coalesceMs = 5;

/** 0 if it is due now. */
export function dueInMs(schedule: Schedule, now: number): number {
  const { wantedAt, heartbeatAt, notBefore, isUnanswered } = schedule;
  const wanted = isUnanswered
    ? notBefore
    : Math.min(heartbeatAt, wantedAt === null ? Infinity : wantedAt + coalesceMs);
  return Math.max(0, Math.max(wanted, notBefore) - now);
}
