/** Plans many stacks at once, as many as the circuit breaker allows. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  afterPause,
  afterStack,
  allowed,
  type BreakerLimits,
  type BreakerState,
} from '#sweep/core/circuit-breaker';
import type { BreakerClass } from '#sweep/core/failure';
import type { PlannedStack } from '#sweep/plan-stack';
import type { SweepProgress } from '#sweep/sweep-request';

export interface FanOutOptions {
  readonly concurrency: number;
  readonly breaker: BreakerState;
  readonly limits: BreakerLimits;
  readonly stop: AbortSignal;
  /** The one that will best tell whether any can be planned; null for none in particular. */
  probe(waiting: readonly string[]): string | null;
  plan(stack: string): Promise<PlannedStack>;
  onPlanned(planned: PlannedStack): void;
  onProgress(event: SweepProgress): void;
}

/**
 * Resolves when no plan is under way any more, to why it gave up, or null. Stacks that failed by what the breaker opened
 * for are planned once more when it closes, also those that failed before it opened, between stacks that had begun
 * earlier: they were not what was broken. Never throws for a stack's sake.
 */
export async function fanOut(stacks: readonly string[], options: FanOutOptions): Promise<string | null> {
  const { concurrency, limits, stop } = options;
  const queue = [...stacks];
  const underWay = new Set<Promise<void>>();
  const suspects = new Map<string, BreakerClass>();
  const retried = new Set<string>();
  let breaker = options.breaker;

  const planOne = async (stack: string): Promise<void> => {
    const planned = await options.plan(stack);
    options.onPlanned(planned);
    if (stop.aborted) return;
    const before = breaker;
    // One that fails once more, after another could be planned, tells of itself.
    if (planned.breaker === null || !retried.has(stack))
      breaker = afterStack(breaker, planned.breaker, limits);
    if (planned.breaker !== null) suspects.set(stack, planned.breaker);
    if (breaker.kind === 'open' && before.kind !== 'open') {
      options.onProgress({ kind: 'paused', because: breaker.because, pauseMs: breaker.pauseMs });
    } else if (breaker.kind === 'closed' && breaker.inRow === 0) {
      if (before.kind === 'probing' && before.because !== null) {
        options.onProgress({ kind: 'resumed' });
        const again = [...suspects.keys()].filter(
          (suspect) => suspects.get(suspect) === before.because && !retried.has(suspect),
        );
        for (const suspect of again) retried.add(suspect);
        queue.push(...again);
      }
    }
  };

  while (!stop.aborted) {
    while (queue.length > 0 && underWay.size < allowed(breaker, concurrency)) {
      const probe = breaker.kind === 'probing' ? options.probe(queue) : null;
      const [stack] = queue.splice(probe === null ? 0 : queue.indexOf(probe), 1);
      const one = planOne(stack!).finally(() => underWay.delete(one));
      underWay.add(one);
    }
    if (underWay.size > 0) await Promise.race(underWay);
    else if (breaker.kind === 'open' && queue.length > 0) {
      await sleep(breaker.pauseMs, undefined, { signal: stop }).catch(() => undefined);
      breaker = afterPause(breaker);
    } else break;
  }
  await Promise.all(underWay);
  if (breaker.kind !== 'given-up') return null;
  options.onProgress({ kind: 'gave-up', because: breaker.because });
  return breaker.because;
}
