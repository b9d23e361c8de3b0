/** Counts what happens in the agent, for its health page and metrics. */
import type { ReportOutcome } from '#core/collector-outcome';
import type { Observation } from '#core/observation';
import { type Net, nets, type ScanResult } from '@holdfast/shared/wire';

export type Outcome = ReportOutcome['kind'];

export const reportOutcomes: readonly Outcome[] = [
  'acknowledged',
  'base-mismatch',
  'scope-unknown',
  'refused',
  'unavailable',
];

export class Tally {
  readonly reports = new Map<Outcome, number>(reportOutcomes.map((outcome) => [outcome, 0]));
  readonly changes = new Map<Net, number>(nets.map((net) => [net, 0]));
  /** By scans that have ended. */
  hashedBytes = 0;
  /** By `performance.now()`: when the newest metadata sweep ended, or the first full scan. Null before that. */
  sweptAt: number | null = null;
  readonly #told = new Map<Net, string>();

  /** Counts from now on, for as long as `observation` lives. */
  constructor(observation: Pick<Observation, 'onChange' | 'onState' | 'scans'>) {
    observation.onChange((changes) => {
      for (const { net } of changes) increase(this.changes, net);
    });
    observation.onState(() => {
      for (const result of observation.scans) this.#countScan(result);
    });
  }

  countReport(outcome: Outcome): void {
    increase(this.reports, outcome);
  }

  #countScan({ net, startedAt, bytes }: ScanResult): void {
    if (this.#told.get(net) === startedAt) return;
    this.#told.set(net, startedAt);
    this.hashedBytes += bytes;
    if (net === 'metadata') this.sweptAt = performance.now();
    else this.sweptAt ??= performance.now(); // from the first full scan on, sweeps are due
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
