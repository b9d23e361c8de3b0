/** The long poll that makes commands arrive at once. Without it they come with the answers to reports. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandList } from '@holdfast/shared/wire';
import { backoffMs, type BackoffLimits } from '#core/backoff';
import type { CommandsOutcome } from '#core/collector-outcome';
import type { CollectorClient } from '#io/collector-client';
import type { Log } from '../observe/options.ts';

/** Between two polls of which the first brought something: it stays listed until a report has said that it is done. */
const afterCommandsMs = 1000;
/** An answer without commands that comes sooner is none of a long poll. */
const shortestPollMs = 1000;
const shortPollPauseMs = 30_000;
/** Before a collector that has no such route is asked again. */
const unsupportedPauseMs = 600_000;

export interface PollOptions {
  readonly client: CollectorClient;
  readonly take: (list: CommandList) => void;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  readonly log: Log;
}

/** Resolves when `signal` is aborted, and never rejects. */
export async function pollCommands(options: PollOptions, signal: AbortSignal): Promise<void> {
  let failures = 0;
  try {
    while (!signal.aborted) {
      const startedAt = performance.now();
      const outcome = await options.client.commands(signal);
      failures = outcome.kind === 'commands' ? 0 : failures + 1;
      if (failures === 1) options.log.debug({ outcome }, 'no commands can be fetched');
      if (outcome.kind === 'commands') options.take(outcome.list);
      const pause = pauseMs(outcome, performance.now() - startedAt, failures, options);
      if (pause > 0) await sleep(pause, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function pauseMs(
  outcome: CommandsOutcome,
  tookMs: number,
  failures: number,
  { backoff, random }: PollOptions,
): number {
  switch (outcome.kind) {
    case 'commands':
      if (outcome.list.commands.length > 0) return afterCommandsMs;
      return tookMs < shortestPollMs ? shortPollPauseMs : 0;
    case 'unsupported':
      return unsupportedPauseMs;
    case 'refused':
      return backoffMs(failures, random(), backoff);
    case 'unavailable':
      return backoffMs(failures, random(), backoff, outcome.retryAfterMs);
  }
}
