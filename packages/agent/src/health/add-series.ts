import { Counter, Gauge, type Registry } from 'prom-client';

/** A metric without labels whose value is looked up at each scrape. */
export interface Series {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  /** Null: there is no value now, and the series is absent. */
  readonly read: () => number | null;
}

export function addSeries(registry: Registry, series: readonly Series[]): void {
  for (const { kind, name, help, read } of series) {
    registry.registerMetric(kind === 'gauge' ? gauge(name, help, read) : counter(name, help, read));
  }
}

function gauge(name: string, help: string, read: Series['read']): Gauge {
  return new Gauge({
    name,
    help,
    registers: [],
    collect() {
      const value = read();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}

/** For what is counted elsewhere, and only grows there. */
function counter(name: string, help: string, read: Series['read']): Counter {
  return new Counter({
    name,
    help,
    registers: [],
    collect() {
      this.reset();
      this.inc(read() ?? 0);
    },
  });
}
