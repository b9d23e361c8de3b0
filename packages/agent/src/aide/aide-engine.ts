/**
 * AIDE beside the agent's own nets: when it runs, and what the next report says of it. It never runs twice at once.
 * It runs when the first manifest is there, by its schedule, when the collector asks, and again after a while when
 * nothing of a try could be believed.
 */
import { aideConfig } from '@holdfast/shared/aide-config';
import type { ScanResult } from '@holdfast/shared/wire';
import type { AideBaseline, AideReport, AideRun } from '@holdfast/shared/wire-aide';
import type { Observation } from '#core/observation';
import { type AideState, aideReportOf, aideRetryMs, type AideTrouble, foreignTo } from '#core/aide/status';
import type { AideDatabases } from '#io/aide-databases';
import { startCron } from '#io/cron';
import { byteString } from '#io/tree/host-path';
import type { Log } from '../observe/options.ts';
import { type AideInstallation, type AideSearch, findAide } from './find-aide.ts';
import { mountsLeftOut } from './mounts-left-out.ts';
import { removeLeftovers } from './nameless-file.ts';
import { runAide } from './run-aide.ts';
import { endLeftRunning } from './running-mark.ts';
import { selfTest } from './self-test.ts';

export interface AideEngineOptions {
  readonly search: AideSearch;
  readonly cron: string;
  /** After the first manifest. */
  readonly startDelayMs: number;
  readonly timeLimitMs: number;
  readonly hostRoot: string;
  readonly stateDirectory: string;
  readonly observation: Observation;
  readonly databases: AideDatabases;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export interface AideEngine extends AsyncDisposable {
  /** Complete, as it is now. */
  readonly report: AideReport;
  /** The same for the collector; null for one that knows nothing of AIDE, or has not been heard yet. */
  readonly toTell: AideReport | null;
  /** Of the newest run; null if there was none. */
  readonly scan: ScanResult | null;
  /** What the collector says that AIDE is to be checked against. */
  takeBaseline(baseline: AideBaseline | null): void;
  /** A run that begins from now on. Resolves when it has ended, however it did. */
  run(): Promise<void>;
  /** `listener` is called when the report has changed, or a run has ended. */
  onState(listener: () => void): () => void;
}

/** Less than a day, so that a daily run that begins a little earlier than the last makes the test too. */
const selfTestEveryMs = 23 * 3_600_000;
/** For where AIDE runs more seldom. */
const lookEveryMs = 24 * 3_600_000;

/** Ends what an agent before this one left. */
export async function startAideEngine(options: AideEngineOptions): Promise<AideEngine> {
  const { stateDirectory, log } = options;
  if (endLeftRunning(stateDirectory)) log.warn({}, 'ended an AIDE that had outlived its agent');
  await removeLeftovers(stateDirectory);
  return new ScheduledAide(options);
}

class ScheduledAide implements AideEngine {
  readonly #options: AideEngineOptions;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #cron: Disposable;
  readonly #unsubscribe: () => void;
  #state: AideState = {
    found: null,
    version: null,
    degraded: [],
    trouble: null,
    run: null,
    runReason: null,
    foreign: null,
  };
  #scan: ScanResult | null = null;
  /** Undefined: the collector has not said. */
  #baseline: AideBaseline | null | undefined;
  #tested: { readonly version: string; readonly at: number } | null = null;
  #running: Promise<void> | null = null;
  /** Of the self-test at the start, and of those between two runs. */
  #looking: Promise<void>;
  readonly #looks: NodeJS.Timeout;
  /** Of the run that follows; later callers share it. */
  #waiting: Promise<void> | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasBegun = false;

  constructor(options: AideEngineOptions) {
    this.#options = options;
    const run = () => void this.#unlessRunning();
    this.#cron = startCron({ expression: options.cron, timezone: 'UTC', run });
    this.#unsubscribe = options.observation.onState(() => this.#begin());
    this.#looking = this.#look();
    this.#looks = setInterval(() => {
      if (!this.#running && !this.#waiting) this.#looking = this.#look();
    }, lookEveryMs);
  }

  get report(): AideReport {
    const { run, version } = this.#state;
    const foreign = run ? foreignTo(this.#baseline ?? null, run.configDigest, version) : null;
    return aideReportOf({ ...this.#state, run: this.#runToTell(), foreign });
  }

  get toTell(): AideReport | null {
    return this.#baseline === undefined ? null : this.report;
  }

  get scan(): ScanResult | null {
    return this.#scan;
  }

  takeBaseline(baseline: AideBaseline | null): void {
    const isOther = this.#baseline !== undefined && this.#baseline?.digest !== baseline?.digest;
    this.#baseline = baseline;
    this.#begin();
    if (isOther) this.#update({}); // what is told of the newest run may be another
  }

  run(): Promise<void> {
    this.#waiting ??= this.#afterRunning();
    return this.#waiting;
  }

  onState(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the agent stops'));
    this.#unsubscribe();
    clearTimeout(this.#timer);
    clearInterval(this.#looks);
    this.#cron[Symbol.dispose]();
    await Promise.allSettled([this.#running, this.#waiting, this.#looking]);
  }

  /** Says whether there is an AIDE, and what it is blind to, whether or not it can run yet. */
  async #look(): Promise<void> {
    const { log } = this.#options;
    try {
      const found = await findAide(this.#options.search, this.#closing.signal);
      this.#closing.signal.throwIfAborted();
      if (found.kind !== 'off' && this.#state.found === null) log.info({ ...found }, 'looked for AIDE');
      if (found.kind !== 'found') return this.#update({ found, version: null });
      this.#update({ found, version: found.aide.version });
      await this.#test(found.aide);
    } catch (error) {
      if (!this.#closing.signal.aborted) log.warn({ err: error }, 'AIDE could not be tried');
    }
  }

  /** The first run, once there is a manifest and the collector has said what to check against. */
  #begin(): void {
    const isReady = this.#options.observation.manifest !== null && this.#baseline !== undefined;
    if (!isReady || this.#hasBegun || this.#closing.signal.aborted) return;
    this.#hasBegun = true;
    this.#runAfter(this.#options.startDelayMs);
  }

  #runAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#unlessRunning(), ms);
  }

  async #unlessRunning(): Promise<void> {
    if (this.#running || this.#waiting || this.#closing.signal.aborted) return;
    await this.run();
  }

  async #afterRunning(): Promise<void> {
    await Promise.all([this.#running, this.#looking]);
    this.#waiting = null;
    if (this.#closing.signal.aborted) return;
    this.#running = this.#try();
    await this.#running;
    this.#running = null;
  }

  async #try(): Promise<void> {
    const { log } = this.#options;
    clearTimeout(this.#timer);
    try {
      await this.#find();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      log.warn({ err: error }, 'AIDE could not be run');
      const reason = error instanceof Error ? error.message : String(error);
      this.#update({ trouble: { status: 'failed', reason } });
    }
    const { status, reason } = this.report;
    const isBelieved = !['failed', 'unknown', 'tampered'].includes(status);
    this.#failures = isBelieved ? 0 : this.#failures + 1;
    if (!isBelieved && !this.#closing.signal.aborted) {
      const retryMs = aideRetryMs(this.#failures);
      log.warn({ status, reason, retryMs }, 'nothing that AIDE says can be believed');
      this.#runAfter(retryMs);
    }
  }

  async #find(): Promise<void> {
    const found = await findAide(this.#options.search, this.#closing.signal);
    this.#closing.signal.throwIfAborted();
    if (found.kind !== 'found') {
      this.#update({ found, version: null, degraded: [], trouble: null, run: null, runReason: null });
      return;
    }
    this.#update({ found, version: found.aide.version });
    await this.#test(found.aide);
    await this.#run(found.aide);
  }

  async #test(aide: AideInstallation): Promise<void> {
    const now = performance.now();
    const { version } = aide;
    if (this.#tested?.version === version && now - this.#tested.at < selfTestEveryMs) return;
    const degraded = await selfTest(aide, this.#options.stateDirectory, this.#closing.signal);
    this.#closing.signal.throwIfAborted();
    this.#tested = { version, at: now };
    if (degraded.length > 0) this.#options.log.warn({ version, degraded }, 'this AIDE is blind to something');
    this.#update({ degraded });
  }

  async #run(aide: AideInstallation): Promise<void> {
    const { observation, hostRoot, databases, stateDirectory, timeLimitMs, clock, log } = this.#options;
    const { manifest, scope } = observation;
    if (manifest === null || this.#baseline === undefined) return;
    const root = byteString(hostRoot);
    const config = aideConfig({
      scope: scope.scope,
      dialect: aide.dialect,
      hostRoot: root,
      mounts: mountsLeftOut(scope, hostRoot),
    });
    const result = await runAide({
      aide,
      config,
      hostRoot: root,
      baseline: this.#baseline,
      manifest,
      sweep: () => observation.sweep(),
      scope,
      databases,
      stateDirectory,
      timeLimitMs,
      clock,
      signal: this.#closing.signal,
    });
    if (result.trouble !== null) {
      this.#update({ trouble: result.trouble });
      return;
    }
    const { run, reason, scan } = result;
    this.#scan = scan;
    const { verdict, exit, durationMs, entries } = run;
    log.info({ verdict, reason, exit, durationMs, entries }, 'AIDE has run');
    this.#update({ trouble: null, run, runReason: reason });
  }

  /** The configuration goes along until the collector's baseline has it. */
  #runToTell(): AideRun | null {
    const { run } = this.#state;
    if (run?.config === undefined || run.configDigest !== this.#baseline?.configDigest) return run;
    const { config: _, ...rest } = run;
    return rest;
  }

  #update(change: Partial<AideState & { trouble: AideTrouble | null }>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
