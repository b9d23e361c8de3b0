/**
 * One sweep from the checkout to the last result. What stands in the way of all stacks alike ends it early: every stack
 * is unmeasured then, and none is in error.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Millis } from '#core/node-state';
import type { SweepEnd, SweepScope } from '#store/sweep-store';
import { childEnvironment, secretsOfEnvironment } from '#sweep/core/child-environment';
import { unmeasured } from '#sweep/core/make-result';
import { Redactor } from '#sweep/core/redactor';
import type { StackResult } from '#sweep/core/stack-result';
import { deadlineReason, runSweep } from '#sweep/run-sweep';
import type { StackHint, SweepProgress, SweepResult } from '#sweep/sweep-request';
import type { SweepConfig } from '../sweep-config.ts';
import { checkOut } from './source/checkout.ts';
import { discoverStacks } from './source/discover.ts';
import { prepareCheckout } from './source/prepare.ts';
import { crossCheck } from './source/terragrunt-find.ts';
import { SweepFailure } from './sweep-failure.ts';
import { VaultError } from './vault/vault-api.ts';
import { openVaultSession, type VaultSession } from './vault/vault-session.ts';

export interface SweepTask {
  readonly config: SweepConfig;
  /** Globs of the only stacks that are asked for; null: all. */
  readonly only: readonly string[] | null;
  readonly hints: ReadonlyMap<string, StackHint>;
  readonly salt: string;
  /** Those that are unmeasured if none can be discovered. */
  readonly knownStacks: readonly string[];
}

export interface SweepParts {
  readonly log: Logger;
  readonly clock: () => Millis;
  /** Of the collector; children see what the configuration allows of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For checkout and plan files. Must be there; one sweep at a time may use it. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Called once the stacks are known, and before the first is planned. */
  readonly onDiscovered: (scope: SweepScope, stacks: readonly StackResult[]) => Promise<void>;
  /** Must not throw. */
  readonly onProgress: (event: SweepProgress) => void;
}

export interface ConductedSweep {
  /** Null if there was no checkout. */
  readonly scope: SweepScope | null;
  readonly end: SweepEnd;
  readonly results: readonly StackResult[];
}

/** Below the directory of the sweeps; holds the plan files. */
export const workDirectoryName = 'work';
export const notYetPlanned = 'the sweep did not come to it';

/** Resolves when nothing of it runs any more. Throws only for what is a defect of ours. */
export async function conductSweep(task: SweepTask, parts: SweepParts): Promise<ConductedSweep> {
  const progress = new Conduct(task, parts);
  try {
    return await progress.run();
  } catch (error) {
    const phase = error instanceof SweepFailure ? error.phase : error instanceof VaultError ? 'auth' : null;
    if (phase === null) parts.log.error({ err: error }, 'a sweep failed');
    const message = phase === null ? 'the sweep failed; the log says why' : (error as Error).message;
    return progress.failed({ phase: phase ?? 'crash', diagnostic: message });
  }
}

class Conduct {
  readonly #task: SweepTask;
  readonly #parts: SweepParts;
  readonly #startedAt: Millis;
  readonly #children: Readonly<Record<string, string>>;
  readonly #deadline: AbortSignal;
  /** Of what goes before the plans and between them. */
  readonly #signal: AbortSignal;
  #scope: SweepScope | null = null;
  #stacks: readonly string[];
  #confirmedOn: string | null = null;

  constructor(task: SweepTask, parts: SweepParts) {
    this.#task = task;
    this.#parts = parts;
    this.#startedAt = parts.clock();
    this.#stacks = task.knownStacks;
    this.#children = childEnvironment(parts.environment, task.config.environment);
    this.#deadline = AbortSignal.timeout(task.config.limits.deadlineMs);
    this.#signal = AbortSignal.any([parts.signal, this.#deadline]);
  }

  async run(): Promise<ConductedSweep> {
    const { config, only } = this.#task;
    const { log, signal } = this.#parts;
    await this.#openDirectories();
    const { root, commit, isDirty } = await this.#checkOut();
    await using vault = config.vault === null ? null : await openVaultSession(config.vault, { log, signal });
    await this.#prepare(root, vault);
    const { stacks, unmatched } = await discoverStacks(root, config, only);
    if (unmatched.length > 0) log.warn({ globs: unmatched }, 'no stack matches these globs');
    this.#stacks = stacks.map(({ stack }) => stack);
    const disagreement = only === null ? await this.#crossCheck(root, stacks) : null;
    this.#scope = { discovered: stacks.length, commit, isDirty, unmatched, disagreement };
    await this.#parts.onDiscovered(
      this.#scope,
      this.#stacks.map((stack) => unmeasured(stack, notYetPlanned)),
    );
    const result = await this.#plan(root, stacks, vault);
    const results = result.leaked ? result.results.map(withoutText) : result.results;
    return { scope: this.#scope, end: this.#endOf(result), results };
  }

  failed(failure: NonNullable<SweepEnd['failure']>): ConductedSweep {
    const isStopped = this.#parts.signal.aborted;
    const isLate = !isStopped && this.#deadline.aborted;
    const told = isLate ? `${failure.diagnostic}; ${deadlineReason}` : failure.diagnostic;
    return {
      scope: this.#scope,
      end: {
        endedAt: this.#parts.clock(),
        phase: isStopped ? 'interrupted' : 'failed',
        failure: { ...failure, diagnostic: told },
        endedBy: isStopped ? 'interrupt' : isLate ? 'deadline' : null,
        confirmedOn: null,
        predictedMs: null,
        reclassified: 0,
        rules: [],
        balanced: true,
        leaked: false,
      },
      results: this.#stacks.map((stack) => unmeasured(stack, `${failure.phase}: ${told}`)),
    };
  }

  /** Children of another user must get through to what is theirs below; what is not theirs stays closed by itself. */
  async #openDirectories(): Promise<void> {
    const { directory } = this.#parts;
    const mode = this.#task.config.user === null ? 0o700 : 0o711;
    await mkdir(this.#workDirectory, { recursive: true, mode });
    for (const each of [directory, this.#workDirectory]) await chmod(each, mode);
    if (this.#task.config.user !== null) await chmod(join(directory, '..'), mode);
  }

  get #workDirectory(): string {
    return join(this.#parts.directory, workDirectoryName);
  }

  #checkOut() {
    const { directory, environment } = this.#parts;
    const { source, user } = this.#task.config;
    return checkOut(source, { directory, environment, signal: this.#signal, runAs: user });
  }

  #prepare(root: string, vault: VaultSession | null): Promise<void> {
    const { config } = this.#task;
    const environment = { ...this.#children, ...vault?.environment() };
    const redactor = new Redactor([...secretsOfEnvironment(environment), ...(vault?.secrets() ?? [])]);
    return prepareCheckout(
      config,
      { cwd: root, environment, signal: this.#signal, runAs: config.user },
      (text) => redactor.redact(text),
    );
  }

  async #crossCheck(
    root: string,
    stacks: Parameters<typeof crossCheck>[1],
  ): Promise<SweepScope['disagreement']> {
    const { config } = this.#task;
    const { log } = this.#parts;
    if (!config.markers.some((marker) => marker.startsWith('terragrunt.'))) return null;
    const how = { environment: this.#children, signal: this.#signal, runAs: config.user };
    const compared = await crossCheck(root, stacks, config.command, how);
    if (compared.kind === 'unavailable') {
      log.info({ reason: compared.reason }, 'discovery was not compared with what terragrunt finds');
      return null;
    }
    const { onlyOurs, onlyTerragrunt } = compared;
    if (onlyOurs.length + onlyTerragrunt.length > 0) {
      log.warn({ onlyOurs, onlyTerragrunt }, 'terragrunt finds other stacks than the configured globs');
    }
    return { onlyOurs, onlyTerragrunt };
  }

  #plan(
    root: string,
    stacks: Parameters<typeof crossCheck>[1],
    vault: VaultSession | null,
  ): Promise<SweepResult> {
    const { config, hints, salt } = this.#task;
    const { clock, signal, onProgress } = this.#parts;
    const spentMs = clock() - this.#startedAt;
    const deadlineMs = Math.max(1, config.limits.deadlineMs - spentMs);
    return runSweep(
      {
        root,
        stacks,
        command: config.command,
        environment: this.#children,
        workDirectory: this.#workDirectory,
        runAs: config.user,
        limits: { ...config.limits, deadlineMs },
        hints,
        rules: config.rules,
        salt,
      },
      {
        clock,
        refreshCheckout: () => this.#refresh(root, vault),
        credentials: async () => ({
          environment: vault?.environment() ?? {},
          secrets: vault?.secrets() ?? [],
        }),
        onProgress,
        signal,
      },
    );
  }

  /** What was prepared belongs to one commit. */
  async #refresh(root: string, vault: VaultSession | null): Promise<void> {
    const { commit } = await this.#checkOut();
    this.#confirmedOn = commit;
    if (commit !== (this.#scope?.commit ?? null)) await this.#prepare(root, vault);
  }

  #endOf(result: SweepResult): SweepEnd {
    const { endedBy, predictedMs, reclassified, rules, balanced, leaked } = result;
    return {
      endedAt: result.endedAt,
      phase: endedBy === 'interrupt' ? 'interrupted' : 'finished',
      failure: null,
      endedBy,
      confirmedOn: this.#confirmedOn,
      predictedMs,
      reclassified,
      rules,
      balanced,
      leaked,
    };
  }
}

/** Where a secret got through the redaction, all that came out of a plan is withheld. */
function withoutText(result: StackResult): StackResult {
  return { ...result, changes: [], diagnostic: result.diagnostic === null ? null : 'withheld' };
}
