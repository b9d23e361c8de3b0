/**
 * One sweep over all stacks: plan each, plan again what differs, and answer one result for every stack that was
 * discovered. A stack's failure never ends it.
 */
import { randomBytes } from 'node:crypto';
import { stackGlobProblem, ruleUse } from '#sweep/core/apply-rules';
import { initialBreaker } from '#sweep/core/circuit-breaker';
import { confirm, excluded, unconfirmed, unmeasured } from '#sweep/core/make-result';
import { orderStacks, predictMs, quickestStack } from '#sweep/core/order-stacks';
import { Redactor } from '#sweep/core/redactor';
import { commandProblem } from '#sweep/core/stack-command';
import { causeOf, outcomes, type Outcome, type StackResult } from '#sweep/core/stack-result';
import { fanOut } from '#sweep/fan-out';
import { Mutex } from '#sweep/mutex';
import { PlanDirectories } from '#sweep/plan-directory';
import { type PlanContext, type PlannedStack, planStack, stopReason } from '#sweep/plan-stack';
import { clearLeftovers } from '#sweep/strays';
import type { SweepPorts, SweepRequest, SweepResult } from '#sweep/sweep-request';

export const deadlineReason = "the sweep's deadline came first";
const interruptReason = 'the sweep was interrupted';

/** Resolves when nothing of it runs any more. Throws if the request is wrong or its directories can't be used. */
export async function runSweep(request: SweepRequest, ports: SweepPorts): Promise<SweepResult> {
  checkRequest(request);
  const sweep = new Sweep(request, ports);
  return await sweep.run();
}

class Sweep {
  readonly #request: SweepRequest;
  readonly #ports: SweepPorts;
  readonly #startedAt: number;
  readonly #results = new Map<string, StackResult>();
  readonly #matched = new Map<string, ReadonlyMap<string, number>>();
  readonly #told = new Set<string>();
  readonly #canary = randomBytes(24).toString('base64url');

  constructor(request: SweepRequest, ports: SweepPorts) {
    this.#request = request;
    this.#ports = ports;
    this.#startedAt = ports.clock();
  }

  async run(): Promise<SweepResult> {
    const { workDirectory, limits, stacks, hints } = this.#request;
    await clearLeftovers(workDirectory);
    const planned = stacks
      .filter(({ excludedBecause }) => excludedBecause === null)
      .map(({ stack }) => stack);
    const ordered = orderStacks(planned, hints);
    const predictedMs = predictMs(ordered, hints, limits.concurrency);
    this.#ports.onProgress({
      kind: 'started',
      discovered: stacks.length,
      predictedMs,
      fitsDeadline: predictedMs === null ? null : predictedMs <= limits.deadlineMs,
    });
    for (const { stack, excludedBecause } of stacks) {
      if (excludedBecause !== null) this.#settle(excluded(stack, excludedBecause));
    }
    const stop = new AbortController();
    const onAbort = () => stop.abort(interruptReason);
    if (this.#ports.signal.aborted) onAbort();
    else this.#ports.signal.addEventListener('abort', onAbort);
    const deadline = setTimeout(() => stop.abort(deadlineReason), limits.deadlineMs);
    let gaveUp: string | null = null;
    try {
      await using directories = await PlanDirectories.create(this.#request);
      const context: PlanContext = {
        request: this.#request,
        ports: this.#ports,
        directories,
        initMutex: new Mutex(),
        canary: this.#canary,
        confirming: false,
        stop: stop.signal,
      };
      gaveUp = await this.#planAll(ordered, context);
      await this.#confirmAll({ ...context, confirming: true });
    } finally {
      clearTimeout(deadline);
      this.#ports.signal.removeEventListener('abort', onAbort);
      await clearLeftovers(workDirectory);
    }
    return this.#finish(planned, predictedMs, stop.signal, gaveUp);
  }

  #planAll(ordered: readonly string[], context: PlanContext): Promise<string | null> {
    return this.#fanOut(ordered, context, (planned) => {
      const { result, breaker } = planned;
      this.#keep(planned);
      // A failure that is not the stack's own may be tried again; a difference is planned again.
      if (breaker === null && causeOf(result.outcome) === null) this.#settle(result);
      else this.#ports.onProgress({ kind: 'planned', result, isFinal: false });
    });
  }

  async #confirmAll(context: PlanContext): Promise<void> {
    const different = [...this.#results.values()].filter(({ outcome }) => causeOf(outcome) !== null);
    if (different.length === 0) return;
    const stacks = different.map(({ stack }) => stack);
    if (!context.stop.aborted) {
      this.#ports.onProgress({ kind: 'confirming', stacks: different.length });
      try {
        await this.#ports.refreshCheckout();
      } catch (error) {
        const why = `the checkout could not be refreshed: ${error instanceof Error ? error.message : String(error)}`;
        for (const first of different) this.#settle(unconfirmed(first, new Redactor().redact(why)));
        return;
      }
      await this.#fanOut(stacks, context, (planned) => {
        const { result } = planned;
        const first = this.#results.get(result.stack)!;
        this.#settle(confirm(first, result));
        if (planned.matched.size > 0) this.#matched.set(result.stack, planned.matched);
      });
    }
    for (const first of different) {
      if (this.#told.has(first.stack)) continue;
      this.#settle(
        unconfirmed(first, context.stop.aborted ? stopReason(context.stop) : 'too many plans failed'),
      );
    }
  }

  #fanOut(
    stacks: readonly string[],
    context: PlanContext,
    onPlanned: (planned: PlannedStack) => void,
  ): Promise<string | null> {
    const { limits, hints } = this.#request;
    const { confirming } = context;
    return fanOut(stacks, {
      concurrency: limits.concurrency,
      breaker: confirming ? { kind: 'closed', because: null, inRow: 0 } : initialBreaker,
      limits: {
        failures: limits.breakerFailures,
        pauseMs: limits.breakerPauseMs,
        probes: limits.breakerProbes,
      },
      stop: context.stop,
      probe: (waiting) => quickestStack(waiting, hints),
      plan: (stack) => {
        this.#ports.onProgress({ kind: 'planning', stack, confirming });
        return planStack(stack, context);
      },
      onPlanned,
      onProgress: (event) => this.#ports.onProgress(event),
    });
  }

  #keep({ result, matched }: PlannedStack): void {
    this.#results.set(result.stack, result);
    this.#matched.set(result.stack, matched);
  }

  #settle(result: StackResult): void {
    this.#results.set(result.stack, result);
    if (this.#told.has(result.stack)) return;
    this.#told.add(result.stack);
    this.#ports.onProgress({ kind: 'planned', result, isFinal: true });
  }

  #finish(
    planned: readonly string[],
    predictedMs: number | null,
    stop: AbortSignal,
    gaveUp: string | null,
  ): SweepResult {
    const whyNot = stop.aborted ? stopReason(stop) : `the sweep gave up: too many plans failed by ${gaveUp}`;
    for (const stack of planned) this.#settle(this.#results.get(stack) ?? unmeasured(stack, whyNot));
    const { stacks, rules } = this.#request;
    const results = [...this.#results.values()].sort((a, b) => (a.stack < b.stack ? -1 : 1));
    const counts = Object.fromEntries(
      outcomes.map((outcome) => [outcome, results.filter((result) => result.outcome === outcome).length]),
    ) as Record<Outcome, number>;
    const endedAt = this.#ports.clock();
    return {
      startedAt: this.#startedAt,
      endedAt,
      discovered: stacks.length,
      results,
      counts,
      balanced: Object.values(counts).reduce((sum, count) => sum + count, 0) === stacks.length,
      predictedMs,
      reclassified: results.filter(({ reclassified }) => reclassified).length,
      rules: ruleUse(rules, this.#matchedInAll(), endedAt),
      endedBy: stop.aborted
        ? stop.reason === deadlineReason
          ? 'deadline'
          : 'interrupt'
        : gaveUp === null
          ? null
          : 'breaker',
      leaked: new Redactor([this.#canary]).finds(JSON.stringify(results)),
    };
  }

  #matchedInAll(): Map<string, number> {
    const total = new Map<string, number>();
    for (const matched of this.#matched.values()) {
      for (const [rule, count] of matched) total.set(rule, (total.get(rule) ?? 0) + count);
    }
    return total;
  }
}

function checkRequest({ stacks, command, rules, limits }: SweepRequest): void {
  const problems: string[] = [];
  const command1 = commandProblem(command);
  if (command1 !== null) problems.push(`command ${command1}`);
  const names = stacks.map(({ stack }) => stack);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) problems.push(`stack ${twice} is there twice`);
  const outside = names.find((name) => name.startsWith('/') || name.split('/').includes('..'));
  if (outside !== undefined) problems.push(`stack ${outside} is not inside of the checkout`);
  for (const { id, stack } of rules) {
    const problem = stackGlobProblem(stack);
    if (problem !== null) problems.push(`rule ${id}: ${stack} ${problem}`);
  }
  if (new Set(rules.map(({ id }) => id)).size < rules.length) problems.push('two rules have the same id');
  if (!(limits.concurrency >= 1)) problems.push('concurrency must be 1 or more');
  if (problems.length > 0) throw new Error(`this sweep can't be run: ${problems.join('; ')}`);
}
