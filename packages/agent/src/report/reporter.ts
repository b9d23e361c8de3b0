/** The agent's voice: reports, and the commands that come back. */
import { randomBytes } from 'node:crypto';
import type { AgentFacts } from '@holdfast/shared/wire';
import { type BackoffLimits, reportBackoff } from '#core/backoff';
import type { ReportOutcome } from '#core/collector-outcome';
import type { Observation } from '#core/observation';
import type { Outbox } from '#core/outbox';
import type { CollectorClient } from '#io/collector-client';
import type { AideEngine } from '../aide/aide-engine.ts';
import type { Log } from '../observe/options.ts';
import { ContentTeller, type ContentTellerOptions } from './content-teller.ts';
import { type CommandActions, createCommands } from './commands.ts';
import { pollCommands } from './poll-commands.ts';
import { ReportLoop } from './report-loop.ts';

export interface ReporterOptions {
  readonly observation: Observation;
  readonly outbox: Outbox;
  /** Default: none. */
  readonly aide?: AideEngine | null;
  readonly client: CollectorClient;
  readonly facts: Omit<AgentFacts, 'clock'>;
  readonly heartbeatSeconds: number;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Called after each try to send a report. */
  readonly onOutcome?: (outcome: ReportOutcome['kind']) => void;
  /** Where contents may be told of, and where those paths lie; null: nowhere. */
  readonly contents?: Pick<ContentTellerOptions, 'isAllowed' | 'hostPath'> | null;
  /** Default: 1 s to 60 s. */
  readonly backoff?: BackoffLimits;
}

export interface Reporter extends AsyncDisposable {
  /** Milliseconds since 1970 by the agent's clock; null if nothing was acknowledged since the start. */
  readonly lastAcknowledgedAt: number | null;
  /** Why the last report was not acknowledged; null if it was, or none was sent. */
  readonly lastError: string | null;
  /** Whether a report waits for its answer. */
  readonly inFlight: boolean;
  /** Events that wait in the outbox. */
  readonly waitingEvents: number;
  /** Resolves with true once the collector was told everything; with false when a try fails, or the time is over. */
  flush(timeoutMs: number): Promise<boolean>;
}

/**
 * Begins to report at once. Start it before the observer's first full scan has ended, so that no change escapes it.
 * Disposing stops it within moments: a request that runs is given up, which the protocol allows.
 */
export function startReporter(options: ReporterOptions): Reporter {
  const { observation, outbox, client, log, random, backoff = reportBackoff, aide = null } = options;
  const stop = new AbortController();
  const flushes = new Set<(isFlushed: boolean) => void>();
  const commands = createCommands(
    commandActions(options, () => loop),
    log,
  );
  const loop = new ReportLoop({
    ...options,
    aide,
    instance: randomBytes(16).toString('hex'),
    commands,
    backoff,
    heartbeatMs: options.heartbeatSeconds * 1000,
    onOutcome: (outcome) => {
      options.onOutcome?.(outcome);
      if (outcome === 'acknowledged') contents?.changed([]);
      const isFailed = outcome === 'refused' || outcome === 'unavailable';
      if (isFailed || loop.isDone) for (const settle of flushes) settle(loop.isDone);
    },
  });
  const contents = contentTeller(options, backoff, () => loop.epoch);
  const unsubscribe = [
    observation.onChange((changes) => {
      loop.takeChanges(changes);
      contents?.changed(changes.map(({ path }) => path));
    }),
    observation.onState(() => loop.want()),
    ...(aide ? [aide.onState(() => loop.want())] : []),
  ];
  const running = Promise.all([
    loop.run(stop.signal),
    contents?.run(stop.signal),
    pollCommands({ client, take: (list) => commands.take(list), backoff, random, log }, stop.signal),
  ]);

  return {
    get lastAcknowledgedAt() {
      return loop.lastAcknowledgedAt;
    },
    get lastError() {
      return loop.lastError;
    },
    get inFlight() {
      return loop.isInFlight;
    },
    get waitingEvents() {
      return outbox.waiting;
    },
    async flush(timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(resolve, timeoutMs, false);
      flushes.add(resolve);
      loop.want(true);
      const isFlushed = await promise;
      clearTimeout(timer);
      flushes.delete(resolve);
      return isFlushed;
    },
    async [Symbol.asyncDispose]() {
      for (const end of unsubscribe) end();
      stop.abort();
      await running;
    },
  };
}

function contentTeller(
  options: ReporterOptions,
  backoff: BackoffLimits,
  epoch: () => string | null,
): ContentTeller | null {
  const { contents } = options;
  return contents ? new ContentTeller({ ...options, ...contents, backoff, epoch }) : null;
}

function commandActions(
  { observation, aide = null }: ReporterOptions,
  loop: () => ReportLoop,
): CommandActions {
  return {
    rescan: () => observation.rescan().then(() => void aide?.run()),
    runAide: () => aide?.run() ?? Promise.resolve(),
    takeAideBaseline: (baseline) => aide?.takeBaseline(baseline),
    resynchronise: () => loop().resynchronise(),
    onDone: () => loop().want(),
  };
}
