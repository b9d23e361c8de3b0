/** Series of the ways out: Loki, webhook, Pushgateway. */
import { Counter, Gauge, type Registry } from 'prom-client';

export const outlets = ['loki', 'webhook', 'pushgateway'] as const;
export type Outlet = (typeof outlets)[number];

/** Shows a way out from when it is configured. */
export class OutletMetrics {
  readonly #up: Gauge<'outlet'>;
  readonly #waiting: Gauge<'outlet'>;
  readonly #sent: Counter<'outlet'>;
  readonly #refused: Counter<'outlet'>;
  readonly #lost: Counter<'outlet'>;

  constructor(registry: Registry) {
    const common = { labelNames: ['outlet'] as const, registers: [registry] };
    const gauge = (name: string, help: string) => new Gauge({ name, help, ...common });
    const counter = (name: string, help: string) => new Counter({ name, help, ...common });
    this.#up = gauge('holdfast_outlet_up', '1 if the last try to tell this way out went well.');
    this.#waiting = gauge('holdfast_outlet_waiting', 'Events that this way out has not been told yet.');
    this.#sent = counter('holdfast_outlet_sent_total', 'Messages that this way out took.');
    this.#refused = counter(
      'holdfast_outlet_refused_total',
      'Events or messages that this way out refused for good; they were skipped.',
    );
    this.#lost = counter(
      'holdfast_outlet_lost_total',
      'Events that retention removed before this way out could be told.',
    );
  }

  begin(outlet: Outlet): void {
    for (const gauge of [this.#up, this.#waiting]) gauge.set({ outlet }, 0);
    for (const counter of [this.#sent, this.#refused, this.#lost]) counter.inc({ outlet }, 0);
  }

  sent(outlet: Outlet): void {
    this.#up.set({ outlet }, 1);
    this.#sent.inc({ outlet });
  }

  failed(outlet: Outlet): void {
    this.#up.set({ outlet }, 0);
  }

  refused(outlet: Outlet, count: number): void {
    this.#refused.inc({ outlet }, count);
  }

  lost(outlet: Outlet, count: number): void {
    this.#lost.inc({ outlet }, count);
  }

  waiting(outlet: Outlet, count: number): void {
    this.#waiting.set({ outlet }, count);
  }
}
