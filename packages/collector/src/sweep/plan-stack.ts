/**
 * Plans one stack: `init` where it is needed, `plan`, `show`, judgement. Whatever happens ends as a result, and what
 * a plan file held is gone when this returns.
 */
import { access, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { rulesFor } from '#sweep/core/apply-rules';
import { canaryVariable, secretsOfEnvironment } from '#sweep/core/child-environment';
import { classify, type FinishedPlan } from '#sweep/core/classify';
import { type BreakerClass, type Failure, failureOf } from '#sweep/core/failure';
import {
  diagnosticText,
  excluded,
  failed,
  measured,
  type Timing,
  timedOut,
  unmeasured,
} from '#sweep/core/make-result';
import { type PlanFacts, PlanReader } from '#sweep/core/plan-reader';
import { lastLines, maxNoiseLength, PlanStream, type StreamFacts } from '#sweep/core/plan-stream';
import { Redactor } from '#sweep/core/redactor';
import { SecretsOfPlan } from '#sweep/core/secrets-of-plan';
import { initCommand, planCommand, showCommand } from '#sweep/core/stack-command';
import type { Phase, StackResult } from '#sweep/core/stack-result';
import type { Mutex } from '#sweep/mutex';
import type { PlanDirectories } from '#sweep/plan-directory';
import { type ChildEnd, type ChildRequest, runChild } from '#sweep/run-child';
import { markOf } from '#sweep/strays';
import type { Credentials, SweepPorts, SweepRequest } from '#sweep/sweep-request';

export interface PlanContext {
  readonly request: SweepRequest;
  readonly ports: Pick<SweepPorts, 'clock' | 'credentials'>;
  readonly directories: PlanDirectories;
  /** Providers are installed by one child at a time: the plugin cache is not safe for more. */
  readonly initMutex: Mutex;
  readonly canary: string;
  /** It differed, and is planned again on the newest commit. */
  readonly confirming: boolean;
  /** Children stop; its reason says why the stack is then unmeasured. */
  readonly stop: AbortSignal;
}

export interface PlannedStack {
  readonly result: StackResult;
  readonly breaker: BreakerClass | null;
  /** How often each rule acted. */
  readonly matched: ReadonlyMap<string, number>;
}

export async function planStack(stack: string, context: PlanContext): Promise<PlannedStack> {
  const { clock, credentials } = context.ports;
  const startedAt = clock();
  const timing = (): Timing => ({ startedAt, durationMs: Math.max(0, Math.round(clock() - startedAt)) });
  const fail = (phase: Phase, because: string, breaker: BreakerClass | null = null) =>
    plainly(failed(stack, phase, because, timing()), breaker);

  if (!(await isDirectory(join(context.request.root, stack)))) {
    // A newer commit has come since it was found: what it differed by is of code that is no more.
    if (context.confirming) return plainly(excluded(stack, 'the newest commit has taken it away'));
    return fail('checkout', 'its directory is not in the checkout');
  }
  let given: Credentials;
  try {
    given = await credentials();
  } catch (error) {
    return fail('auth', `no credentials: ${new Redactor().redact(messageOf(error))}`, 'auth');
  }
  try {
    await using planDirectory = await context.directories.add();
    const run = new StackRun(stack, context, given, planDirectory.path);
    return await run.measure(timing);
  } catch (error) {
    return fail('crash', `its programs could not be run: ${messageOf(error)}`);
  }
}

interface Shown {
  readonly stoppedBy: ChildEnd['stoppedBy'];
  readonly plan: FinishedPlan['plan'];
  readonly noise: string;
  /** What its messages mean if it failed. */
  readonly failure: Failure | null;
}

const unshown: Shown = { stoppedBy: null, plan: null, noise: '', failure: null };

/** Secrets that are known before any plan is. */
function knownSecrets({ request, canary }: PlanContext, given: Credentials): string[] {
  const ofEnvironments = [request.environment, given.environment].flatMap(secretsOfEnvironment);
  return [...ofEnvironments, ...given.secrets, request.salt, canary];
}

/** The children of one stack, one after the other, with one timeout for all of them. */
class StackRun {
  readonly #stack: string;
  readonly #context: PlanContext;
  readonly #directory: string;
  readonly #planDirectory: string;
  readonly #planFile: string;
  readonly #environment: Record<string, string>;
  readonly #mark: string;
  readonly #redactor: Redactor;
  #remainingMs: number;

  constructor(stack: string, context: PlanContext, given: Credentials, planDirectory: string) {
    const { request } = context;
    this.#stack = stack;
    this.#context = context;
    this.#directory = join(request.root, stack);
    this.#planDirectory = planDirectory;
    this.#planFile = join(planDirectory, 'plan');
    this.#mark = `${markOf(request.workDirectory)}${planDirectory.slice(request.workDirectory.length)}`;
    this.#environment = {
      ...request.environment,
      ...given.environment,
      [canaryVariable]: context.canary,
    };
    this.#redactor = new Redactor(knownSecrets(context, given));
    this.#remainingMs = request.limits.stackTimeoutMs;
  }

  async measure(timing: () => Timing): Promise<PlannedStack> {
    const { request, ports } = this.#context;
    const stopped = (end: ChildEnd) =>
      end.stoppedBy === null ? null : this.#stopped(end.stoppedBy, timing());
    if (await this.#isColdBesideCache()) {
      const init = await this.#init();
      const failure = stopped(init.end) ?? this.#failedInit(init, timing());
      if (failure !== null) return failure;
    }
    let { end, stream } = await this.#plan();
    const cure = end.stoppedBy === null && end.exitCode === 1 ? planFailure(stream).cure : null;
    if (cure !== null) {
      // The cache is what several inits have spoilt for each other: without it they can't.
      if (cure === 'init-without-cache') delete this.#environment['TF_PLUGIN_CACHE_DIR'];
      const init = await this.#init();
      const failure = stopped(init.end) ?? this.#failedInit(init, timing());
      if (failure !== null) return failure;
      ({ end, stream } = await this.#plan());
    }
    if (end.stoppedBy !== null) return this.#stopped(end.stoppedBy, timing());

    const isWhole = (end.exitCode === 0 || end.exitCode === 2) && stream.errorCount === 0;
    const shown: Shown = isWhole ? await this.#show() : unshown;
    if (shown.stoppedBy !== null) return this.#stopped(shown.stoppedBy, timing());
    const rules = rulesFor(this.#stack, request.rules, ports.clock());
    const finished: FinishedPlan = { ...end, stream, plan: shown.plan };
    const judgement = classify(finished, rules, request.salt);
    if (judgement.kind === 'measured') {
      const result = measured(this.#stack, judgement, this.#redactor, timing());
      return { result, breaker: null, matched: judgement.rules.matched };
    }
    await this.#learnSecrets();
    const noise = [stream.noise, shown.noise].join('\n');
    const text = diagnosticText(judgement.because, stream.errors, noise, this.#redactor);
    const { phase, breaker } = shown.failure ?? judgement.failure;
    return plainly(failed(this.#stack, phase, text, timing()), breaker);
  }

  async #plan(): Promise<{ end: ChildEnd; stream: StreamFacts }> {
    // What an earlier plan of this stack has left would be taken for this one's.
    await rm(this.#planFile, { force: true });
    const reader = new PlanStream();
    const argv = planCommand(this.#context.request.command, this.#planFile);
    const end = await this.#child(argv, {
      onStdout: (chunk) => reader.push(chunk),
      onStderr: (text) => reader.pushStderr(text),
    });
    const facts = reader.end();
    return { end, stream: { ...facts, noise: lastLines(`${facts.noise}${end.stderr}`, 2 * maxNoiseLength) } };
  }

  async #show(): Promise<Shown> {
    if (!(await exists(this.#planFile))) return unshown;
    const reader = new PlanReader(this.#context.request.salt);
    const argv = showCommand(this.#context.request.command, this.#planFile);
    const end = await this.#child(argv, { onStdout: (chunk) => reader.push(chunk) });
    const plan: PlanFacts | { problem: string } =
      end.exitCode === 0 ? reader.end() : { problem: `show exited with ${end.exitCode ?? end.signal}` };
    // It reads the configuration of the backend, and can fail by what a plan fails by.
    const failure = end.exitCode === 0 ? null : failureOf({ command: 'show', errors: [], noise: end.stderr });
    return { stoppedBy: end.stoppedBy, plan, noise: end.stderr, failure };
  }

  /** What was printed about a failure is kept, without the secrets that its plan holds. */
  async #learnSecrets(): Promise<void> {
    if (!(await exists(this.#planFile))) return;
    const secrets = new SecretsOfPlan((secret) => this.#redactor.add(secret));
    const argv = showCommand(this.#context.request.command, this.#planFile);
    const end = await this.#child(argv, { onStdout: (chunk) => secrets.push(chunk) });
    // Then the messages may hold what nobody knows to be secret.
    if (end.exitCode !== 0 || !secrets.end()) this.#redactor.withhold();
  }

  async #init(): Promise<{ end: ChildEnd; noise: string }> {
    const { initMutex, request, stop } = this.#context;
    const hasLockFile = await exists(join(this.#directory, '.terraform.lock.hcl'));
    let stdout = '';
    await using _ = await initMutex.lock(stop);
    const end = await this.#child(initCommand(request.command, hasLockFile), {
      onStdout: (chunk) => (stdout = lastLines(stdout + chunk.toString('utf8'), maxNoiseLength)),
    });
    return { end, noise: `${stdout}${end.stderr}` };
  }

  #failedInit({ end, noise }: { end: ChildEnd; noise: string }, timing: Timing): PlannedStack | null {
    if (end.exitCode === 0) return null;
    const { phase, breaker } = failureOf({ command: 'init', errors: [], noise });
    const text = diagnosticText(`init exited with ${end.exitCode ?? end.signal}`, [], noise, this.#redactor);
    return plainly(failed(this.#stack, phase, text, timing), breaker);
  }

  async #child(
    argv: readonly string[],
    output: Pick<ChildRequest, 'onStdout' | 'onStderr'>,
  ): Promise<ChildEnd> {
    const { request, stop } = this.#context;
    const end = await runChild({
      argv,
      directory: this.#directory,
      environment: this.#environment,
      runAs: request.runAs,
      planDirectory: this.#planDirectory,
      mark: this.#mark,
      timeoutMs: Math.max(1, this.#remainingMs),
      graceMs: request.limits.graceMs,
      stop,
      ...output,
    });
    this.#remainingMs -= end.durationMs;
    return end;
  }

  #stopped(by: 'timeout' | 'stop', timing: Timing): PlannedStack {
    const seconds = this.#context.request.limits.stackTimeoutMs / 1000;
    return plainly(
      by === 'timeout'
        ? timedOut(this.#stack, `not done after ${seconds} s, and stopped`, timing)
        : unmeasured(this.#stack, stopReason(this.#context.stop), timing),
    );
  }

  /** Such a stack would install providers while it is planned, beside others that do too. */
  async #isColdBesideCache(): Promise<boolean> {
    if (this.#environment['TF_PLUGIN_CACHE_DIR'] === undefined) return false;
    const places = ['.terraform', '.terragrunt-cache'].map((name) => exists(join(this.#directory, name)));
    return !(await Promise.all(places)).includes(true);
  }
}

export function stopReason(stop: AbortSignal): string {
  return typeof stop.reason === 'string' ? stop.reason : 'the sweep was stopped';
}

function planFailure({ errors, noise }: StreamFacts): Failure {
  return failureOf({ command: 'plan', errors, noise });
}

function plainly(result: StackResult, breaker: BreakerClass | null = null): PlannedStack {
  return { result, breaker, matched: new Map() };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
