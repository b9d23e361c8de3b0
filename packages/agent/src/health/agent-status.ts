/** What the agent's own `/healthz` and `/readyz` say. */

/** How the agent is doing at one moment. */
export interface AgentStatus {
  /** Entries of the manifest; null until the first full scan has ended. */
  readonly entries: number | null;
  readonly watchDegraded: string | null;
  readonly outboxDegraded: string | null;
  /** Null: AIDE works, or there is none. */
  readonly aideTrouble: string | null;
  /** Why the last report was not acknowledged; null if it was, or if none has been sent. */
  readonly reportFailure: string | null;
  /** RFC 3339; null if the collector has acknowledged nothing since the start. */
  readonly lastAcknowledgedAt: string | null;
  /** Since the last metadata sweep ended, by a clock that does not jump; null before the first manifest. */
  readonly secondsSinceSweep: number | null;
}

export interface HealthAnswer {
  readonly httpStatus: 200 | 503;
  readonly body: {
    readonly status: 'ok' | 'degraded' | 'failing';
    readonly phase: 'starting' | 'watching';
    /** What does not work as it should although the agent does; restarting it would not help. */
    readonly degraded: readonly string[];
    /** What a restart may cure. */
    readonly failing: readonly string[];
    readonly lastAcknowledgedAt: string | null;
  };
}

/** A slow disk delays a sweep by seconds, not by this much; then it hangs in the kernel, or is dead. */
const sweepPatienceSeconds = 600;
const sweepPatienceIntervals = 10;

/**
 * Liveness: 503 only for what a restart may cure. A collector that is away, a watch that ran out, a full disk are shown
 * as degraded, and answered with 200.
 */
export function healthAnswer(status: AgentStatus, metadataScanSeconds: number): HealthAnswer {
  const degraded: string[] = [];
  if (status.watchDegraded !== null) degraded.push(`watch: ${status.watchDegraded}`);
  if (status.outboxDegraded !== null) degraded.push(`outbox: ${status.outboxDegraded}`);
  if (status.aideTrouble !== null) degraded.push(`aide: ${status.aideTrouble}`);
  if (status.reportFailure !== null) degraded.push(`reports: ${status.reportFailure}`);
  const patience = Math.max(sweepPatienceSeconds, sweepPatienceIntervals * metadataScanSeconds);
  const sinceSweep = status.secondsSinceSweep ?? 0;
  const failing =
    sinceSweep > patience ? [`no metadata sweep has ended for ${Math.round(sinceSweep)} s`] : [];
  const overall = failing.length > 0 ? 'failing' : degraded.length > 0 ? 'degraded' : 'ok';
  return {
    httpStatus: overall === 'failing' ? 503 : 200,
    body: {
      status: overall,
      phase: status.entries === null ? 'starting' : 'watching',
      degraded,
      failing,
      lastAcknowledgedAt: status.lastAcknowledgedAt,
    },
  };
}

export interface ReadyAnswer {
  readonly httpStatus: 200 | 503;
  readonly body: { readonly ready: boolean; readonly reason: string | null };
}

/** Ready means that the first manifest is there; whether the collector has it is another question. */
export function readyAnswer({ entries }: AgentStatus): ReadyAnswer {
  if (entries !== null) return { httpStatus: 200, body: { ready: true, reason: null } };
  return { httpStatus: 503, body: { ready: false, reason: 'the first full scan has not ended' } };
}
