/** What became of all that the collector sends by itself: to Loki, a webhook, a Pushgateway. */
import { Counter, Gauge, type Registry } from 'prom-client';

export type Output = 'loki' | 'webhook' | 'pushgateway';
export type About = 'nodes' | 'stacks';

/** `refused`: the other side will never take it, so it was skipped. `lost`: gone before it could be told. */
const results = ['sent', 'refused', 'lost'] as const;
export type DeliveryResult = (typeof results)[number];

/** Of one way out. */
export interface OutputMetrics {
  count(result: DeliveryResult, messages?: number): void;
  waiting(messages: number): void;
  /** Whether the last try went well. */
  tried(isUp: boolean): void;
}

export class DeliveryMetrics {
  readonly #deliveries: Counter<'output' | 'about' | 'result'>;
  readonly #waiting: Gauge<'output' | 'about'>;
  readonly #up: Gauge<'output' | 'about'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#deliveries = new Counter({
      name: 'holdfast_deliveries_total',
      help: 'What was sent to others, by where to, what about and what became of it.',
      labelNames: ['output', 'about', 'result'],
      registers,
    });
    const labelNames = ['output', 'about'] as const;
    this.#waiting = new Gauge({
      name: 'holdfast_deliveries_waiting',
      help: 'What waits to be sent, by where to and what about.',
      labelNames,
      registers,
    });
    this.#up = new Gauge({
      name: 'holdfast_deliveries_up',
      help: '1 unless the last try to send went wrong, by where to and what about.',
      labelNames,
      registers,
    });
  }

  /** Shows a way out from now on. */
  begin(output: Output, about: About): OutputMetrics {
    const labels = { output, about };
    for (const result of results) this.#deliveries.inc({ ...labels, result }, 0);
    this.#waiting.set(labels, 0);
    this.#up.set(labels, 1);
    return {
      count: (result, messages = 1) => this.#deliveries.inc({ ...labels, result }, messages),
      waiting: (messages) => this.#waiting.set(labels, messages),
      tried: (isUp) => this.#up.set(labels, isUp ? 1 : 0),
    };
  }
}
