/** What became of all that the collector sends by itself. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** `failed`: given up after the last try. `dropped`: never tried, because too much was waiting. */
export type DeliveryResult = 'sent' | 'failed' | 'dropped';

export class DeliveryMetrics {
  readonly #deliveries: Counter<'output' | 'result'>;
  readonly #waiting: Gauge<'output'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#deliveries = new Counter({
      name: 'holdfast_deliveries_total',
      help: 'What was sent to others, by where to and what became of it.',
      labelNames: ['output', 'result'],
      registers,
    });
    this.#waiting = new Gauge({
      name: 'holdfast_deliveries_waiting',
      help: 'What waits to be sent, by where to.',
      labelNames: ['output'],
      registers,
    });
  }

  /** Shows the output from now on. */
  begin(output: string): void {
    for (const result of ['sent', 'failed', 'dropped']) this.#deliveries.inc({ output, result }, 0);
    this.#waiting.set({ output }, 0);
  }

  count(output: string, result: DeliveryResult): void {
    this.#deliveries.inc({ output, result });
  }

  waiting(output: string, count: number): void {
    this.#waiting.set({ output }, count);
  }
}
