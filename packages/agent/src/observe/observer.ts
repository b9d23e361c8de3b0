import type { Observation } from '#core/observation';
import type { ObserverOptions } from './options.ts';

/** The agent's eyes: scans, sweeps and watches from the start until it is disposed. */
export interface Observer extends Observation, AsyncDisposable {}

export async function startObserver(_options: ObserverOptions): Promise<Observer> {
  throw new Error('not built yet');
}
