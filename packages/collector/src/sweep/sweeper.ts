/**
 * Sweeps on this data directory, one at a time, whoever asks: the schedule, the API, a command in another process. The
 * kernel holds the lock, so that a process which was killed holds it no longer; what its sweep left behind is closed by
 * the next who takes the lock.
 */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditRecord, type Millis, systemActor } from '#core/node-state';
import { DirectoryInUseError, lockDirectory } from '#store/directory-lock';
import type { SweepEnd, SweepStart, SweepStore } from '#store/sweep-store';
import { unmeasured } from '#sweep/core/make-result';
import { stackMatcher } from '#sweep/core/stack-glob';
import type { StackState } from '#sweep/core/stack-state';
import type { StackHint, SweepProgress } from '#sweep/sweep-request';
import type { SweepConfig } from '../sweep-config.ts';
import {
  conductSweep,
  type ConductedSweep,
  notYetPlanned,
  type SweepParts,
  workDirectoryName,
} from './conduct-sweep.ts';
import { clearLeftovers } from './strays.ts';

export interface SweeperParts extends Pick<SweepParts, 'log' | 'clock' | 'environment'> {
  readonly store: SweepStore;
  readonly dataDir: string;
  /** Called after the end is durable. Must not throw. */
  readonly onEnd: () => void;
  readonly onProgress?: (event: SweepProgress) => void;
}

export interface SweepAsk extends Pick<SweepStart, 'trigger' | 'who' | 'reason' | 'only'> {
  /** Null: not an operator's act. */
  readonly audit: ((sweep: string, at: Millis) => AuditRecord) | null;
}

export type Started =
  | { readonly kind: 'started'; readonly id: string; readonly ended: Promise<void> }
  /** Null if it only begins or ends just now. */
  | { readonly kind: 'running'; readonly id: string | null };

/** Disposing of it interrupts the sweep that runs, and waits until nothing of it runs any more. */
export class Sweeper implements AsyncDisposable {
  readonly #config: SweepConfig;
  readonly #parts: SweeperParts;
  readonly #stopping = new AbortController();
  #current: Promise<void> = Promise.resolve();

  constructor(config: SweepConfig, parts: SweeperParts) {
    this.#config = config;
    this.#parts = parts;
  }

  /** Closes what a process that was killed has left. Does nothing while another one sweeps. */
  async recover(): Promise<void> {
    using lock = await this.#lock();
    if (!lock) return;
    await clearLeftovers(join(this.#directory, workDirectoryName));
    await this.#closeInterrupted();
  }

  /** Resolves when it is durable that the sweep runs. */
  async start(ask: SweepAsk): Promise<Started> {
    const lock = await this.#lock();
    if (lock === null) return { kind: 'running', id: (await this.#parts.store.running())[0]?.id ?? null };
    try {
      await this.#closeInterrupted();
      const { store, clock } = this.#parts;
      const known = this.#wanted(await store.stacks(), ask.only);
      const start = this.#startOf(ask);
      const stacks = known.map(({ stack }) => unmeasured(stack, notYetPlanned));
      await store.begin(start, stacks, ask.audit?.(start.id, clock()) ?? null);
      const ended = this.#run(start, known).finally(() => lock[Symbol.dispose]());
      this.#current = ended;
      return { kind: 'started', id: start.id, ended };
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#current;
  }

  get #directory(): string {
    return join(this.#parts.dataDir, 'sweep');
  }

  async #lock(): Promise<Disposable | null> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    try {
      return lockDirectory(this.#directory);
    } catch (error) {
      if (error instanceof DirectoryInUseError) return null;
      throw error;
    }
  }

  async #closeInterrupted(): Promise<void> {
    const { store, clock, log } = this.#parts;
    for (const { id } of await store.running()) {
      log.warn({ sweep: id }, 'a sweep was interrupted by the end of its process; what it measured stands');
      await this.#finish(id, interruptedAt(clock()), null);
    }
  }

  #wanted(stacks: readonly StackState[], only: readonly string[] | null): readonly StackState[] {
    if (only === null) return stacks;
    const isWanted = stackMatcher(only);
    return stacks.filter(({ stack }) => isWanted(stack));
  }

  #startOf({ trigger, who, reason, only }: SweepAsk): SweepStart {
    const { source, limits } = this.#config;
    return {
      id: randomUUID(),
      trigger,
      who,
      reason,
      only,
      startedAt: this.#parts.clock(),
      deadlineMs: limits.deadlineMs,
      source: sourceName(source),
    };
  }

  /** Never rejects: whoever asked has been answered. */
  async #run({ id, only }: SweepStart, known: readonly StackState[]): Promise<void> {
    const { store, log, clock, environment, onProgress = () => {} } = this.#parts;
    try {
      let kept: Promise<unknown> = Promise.resolve();
      const conducted: ConductedSweep = await conductSweep(
        {
          config: this.#config,
          only,
          hints: hintsOf(known),
          salt: await store.salt(),
          knownStacks: known.map(({ stack }) => stack),
        },
        {
          log,
          clock,
          environment,
          directory: this.#directory,
          signal: this.#stopping.signal,
          onDiscovered: (scope, stacks) => store.discovered(id, scope, stacks),
          onProgress: (event) => {
            if (event.kind === 'planned' && event.isFinal) {
              kept = store.keep(id, [event.result]).catch((error: unknown) => {
                log.error({ err: error, stack: event.result.stack }, 'an outcome could not be kept for now');
              });
            }
            onProgress(event);
          },
        },
      );
      await kept;
      await this.#finish(id, conducted.end, conducted.results);
    } catch (error) {
      log.error({ err: error, sweep: id }, 'the end of a sweep could not be written; the next one closes it');
    }
  }

  async #finish(id: string, end: SweepEnd, results: ConductedSweep['results'] | null): Promise<void> {
    const { store, log, onEnd } = this.#parts;
    await store.finish(id, end, results);
    const sweep = await store.sweep(id);
    if (sweep === null) throw new Error(`sweep ${id} is gone`);
    const { counts, discovered } = sweep;
    log.info(
      { sweep: id, phase: end.phase, endedBy: end.endedBy, failure: end.failure, discovered, counts },
      'sweep ended',
    );
    if (end.leaked)
      log.error({ sweep: id }, 'a secret stood in a result and was withheld: please report this');
    onEnd();
  }
}

/** What the schedule asks for. */
export const scheduledSweep: SweepAsk = {
  trigger: 'schedule',
  who: systemActor,
  reason: null,
  only: null,
  audit: null,
};

export function hintsOf(stacks: readonly StackState[]): Map<string, StackHint> {
  return new Map(
    stacks.map(({ stack, outcome, rememberedMs }) => [
      stack,
      { lastOutcome: outcome, durationMs: rememberedMs },
    ]),
  );
}

function interruptedAt(endedAt: Millis): SweepEnd {
  return {
    endedAt,
    phase: 'interrupted',
    failure: null,
    endedBy: 'interrupt',
    confirmedOn: null,
    predictedMs: null,
    reclassified: 0,
    rules: [],
    balanced: true,
    leaked: false,
  };
}

/** As sweeps show it. A token may stand in the place of the user. */
export function sourceName(source: SweepConfig['source']): string {
  if (source.kind === 'directory') return source.path;
  return `${source.url.replace(/^(https?:\/\/)[^/@]*@/, '$1')}#${source.ref}`;
}
