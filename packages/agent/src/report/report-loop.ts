/**
 * Tells the collector what is observed. Level-triggered: a report is made of what is there when it is made, so
 * nothing is queued but the events, which lie in the outbox.
 *
 * 1. One report is on its way at a time. Until it is answered it is repeated as it was, byte for byte, because the
 *    collector may have applied it; nothing else is sent meanwhile.
 * 2. A path is dirty from its change until a report that covers it was acknowledged. When too many are dirty to be
 *    named, the agent resynchronises.
 * 3. Events go into a report once they are safe in the outbox, together with the changes that they tell of.
 */
import type { Report, ReportAnswer } from '@holdfast/shared/wire';
import type { BackoffLimits } from '#core/backoff';
import type { Refused, ReportOutcome } from '#core/collector-outcome';
import type { ObservedChange } from '#core/observation';
import { DirtyPaths } from '#core/dirty-paths';
import { dueInMs } from '#core/report-schedule';
import { afterOutcome, nothingKnown, resynchronised, type SyncState } from '#core/sync-state';
import type { CollectorClient } from '#io/collector-client';
import type { PackedBody } from '#io/pack-body';
import type { Log } from '../observe/options.ts';
import type { Commands } from './commands.ts';
import { composeReport, digestAhead, type ReportSource, readEvents } from './compose-report.ts';
import { RetryGate } from './retry-gate.ts';
import { createWakeup } from './wakeup.ts';

/** Between two tries when only a person can help; the heartbeat, if that is shorter. */
export const slowRetryMs = 300_000;
const slowCodes = ['instance-conflict', 'body-too-large', 'http-413'];
/** An operator who readmits a node looks whether it comes back. */
export const deletedRetryMs = 10_000;
/** Asking for buckets is part of the protocol; beyond this, something is wrong. */
const expectedMismatches = 2;

export interface ReportLoopOptions extends ReportSource {
  readonly client: CollectorClient;
  readonly commands: Commands;
  readonly heartbeatMs: number;
  readonly backoff: BackoffLimits;
  readonly log: Log;
  readonly random: () => number;
  /** Called after each try. */
  readonly onOutcome: (outcome: ReportOutcome['kind']) => void;
}

/** A report that was made and is not answered yet. */
interface Unanswered {
  readonly body: PackedBody;
  readonly report: Pick<Report, 'result' | 'journal' | 'commandsDone'>;
  readonly events: number;
  /** 0 if it carries no event. */
  readonly lastPosition: number;
  readonly hasScope: boolean;
  readonly dirty: ReadonlySet<string>;
}

export class ReportLoop {
  readonly #options: ReportLoopOptions;
  readonly #gate: RetryGate;
  readonly #wakeup = createWakeup();
  #sync: SyncState = nothingKnown;
  readonly #dirty = new DirtyPaths();
  #changesSeen = 0;
  #unanswered: Unanswered | null = null;
  #sequence = 0;
  #wantedAt: number | null = performance.now();
  #heartbeatAt = 0;
  #lastAcknowledgedAt: number | null = null;

  constructor(options: ReportLoopOptions) {
    this.#options = options;
    this.#gate = new RetryGate(options.backoff, options.random, options.log);
  }

  /** Milliseconds since 1970 by the agent's clock; null if nothing was. */
  get lastAcknowledgedAt(): number | null {
    return this.#lastAcknowledgedAt;
  }

  get lastError(): string | null {
    return this.#gate.lastError;
  }

  /** Of the store that answered last; null while none has. */
  get epoch(): string | null {
    return this.#sync.epoch;
  }

  get isInFlight(): boolean {
    return this.#unanswered !== null;
  }

  /** Whether the collector was told everything. */
  get isDone(): boolean {
    const { outbox, commands } = this.#options;
    const isTold = this.#unanswered === null && this.#wantedAt === null && this.#dirty.isEmpty;
    return isTold && outbox.waiting === 0 && commands.done.length === 0;
  }

  takeChanges(changes: readonly ObservedChange[]): void {
    this.#options.outbox.append(changes);
    for (const { path } of changes) this.#dirty.add(path);
    this.#changesSeen += changes.length;
    this.want();
  }

  /** A report goes out as soon as failures allow; `isUrgent`: even sooner. */
  want(isUrgent = false): void {
    this.#wantedAt ??= performance.now();
    if (isUrgent) this.#gate.open();
    this.#wakeup.wake();
  }

  resynchronise(): void {
    this.#sync = resynchronised(this.#sync);
    this.want();
  }

  /** Resolves when `signal` is aborted, and never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const schedule = {
        wantedAt: this.#wantedAt,
        heartbeatAt: this.#heartbeatAt,
        notBefore: this.#gate.notBefore,
        isUnanswered: this.#unanswered !== null,
      };
      const ms = dueInMs(schedule, performance.now());
      if (ms > 0) await this.#wakeup.wait(ms, signal);
      else await this.#tell(signal);
    }
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const { client, log, onOutcome } = this.#options;
    try {
      this.#unanswered ??= await this.#makeReport(signal);
      const outcome = await client.send(this.#unanswered.body, signal);
      this.#settle(this.#unanswered, outcome);
      onOutcome(outcome.kind);
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'a report could not be made');
      this.#gate.fail({ reason: error instanceof Error ? error.message : String(error) });
      this.#wantedAt ??= performance.now();
    }
  }

  async #makeReport(signal: AbortSignal): Promise<Unanswered> {
    const { client, commands, heartbeatMs, observation, outbox } = this.#options;
    await digestAhead(observation.manifest, signal);
    const batch = await readEvents(outbox, this.#sync.maxEvents, () => this.#changesSeen);
    const named = this.#dirty.take();
    if (named === null) this.#sync = resynchronised(this.#sync); // holds until the copy is ours again
    const dirty = named ?? new Set();
    this.#wantedAt = null;
    this.#heartbeatAt = performance.now() + heartbeatMs;
    this.#sequence += 1;
    try {
      const hasScope = !this.#sync.isScopeKnown;
      const parts = { sequence: this.#sequence, dirty, batch, commandsDone: commands.done };
      const report = composeReport(this.#options, this.#sync, parts);
      const { result, journal, commandsDone, events } = report;
      const sent = { report: { result, journal, commandsDone }, events: events.length, hasScope, dirty };
      const lastPosition = events.at(-1)?.position ?? 0;
      return { ...sent, lastPosition, body: await client.pack(report) };
    } catch (error) {
      this.#dirty.putBack(dirty);
      throw error;
    }
  }

  #settle(sent: Unanswered, outcome: ReportOutcome): void {
    const before = this.#sync;
    this.#sync = afterOutcome(before, { result: sent.report.result, events: sent.events }, outcome);
    if (outcome.kind === 'unavailable') {
      this.#gate.fail(outcome);
      return;
    }
    this.#unanswered = null;
    if (outcome.kind === 'acknowledged') {
      this.#acknowledged(sent, outcome.answer, before.epoch);
      return;
    }
    this.#dirty.putBack(sent.dirty);
    this.#wantedAt ??= performance.now();
    switch (outcome.kind) {
      case 'base-mismatch':
        if (this.#sync.mismatches > expectedMismatches) {
          this.#gate.fail({ reason: 'the collector computes another digest' });
        }
        break;
      case 'scope-unknown':
        if (sent.hasScope) this.#gate.fail({ reason: 'the collector does not take the scope' });
        break;
      case 'refused':
        if (this.#sync.maxEvents === before.maxEvents) this.#refused(outcome);
        break;
    }
  }

  #acknowledged(sent: Unanswered, answer: ReportAnswer, epochBefore: string | null): void {
    const { clock, commands, log, outbox } = this.#options;
    this.#lastAcknowledgedAt = clock();
    outbox.acknowledge(sent.report.journal, answer.eventsStored);
    commands.told(sent.report.commandsDone);
    const isOtherStore = epochBefore !== null && epochBefore !== answer.epoch;
    if (isOtherStore) {
      log.warn({ epoch: answer.epoch }, 'the collector went back to a backup; comparing everything with it');
      commands.forget();
    }
    commands.take(answer);

    const isCovered = sent.report.result === null || this.#sync.copy?.isOurs === true;
    if (!isCovered) this.#dirty.putBack(sent.dirty);
    if (isOtherStore || !isCovered || (sent.events > 0 && outbox.waiting > 0)) this.want();
    if (!isCovered && !isOtherStore) {
      this.#gate.fail({ reason: 'the collector took a report, and holds something else' });
    } else if (answer.eventsStored < sent.lastPosition) {
      this.#gate.fail({ reason: 'the collector took a report, and not all its events' });
    } else {
      this.#gate.succeed();
    }
  }

  #refused({ status, code, detail }: Refused): void {
    const reason = `the collector refuses: ${status} ${code} ${detail}`.trimEnd();
    const slowMs = slowCodes.includes(code) ? slowRetryMs : code === 'node-deleted' ? deletedRetryMs : null;
    const pauseMs = slowMs === null ? {} : { pauseMs: Math.min(slowMs, this.#options.heartbeatMs) };
    this.#gate.fail({ reason, ...pauseMs });
  }
}
