import { Gauge, type Registry } from 'prom-client';
import type { ChangeWindow } from '#core/change-window';

/** Windows in which changes are expected: while one is open, what changes may go by with less noise. */
export class WindowMetrics {
  readonly #open: Gauge;
  readonly #until: Gauge<'window'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#open = new Gauge({
      name: 'holdfast_change_windows_open',
      help: 'Windows that are open, in which changes are expected.',
      registers,
    });
    this.#until = new Gauge({
      name: 'holdfast_change_window_until_timestamp_seconds',
      help: 'Until when an open window lasts.',
      labelNames: ['window'],
      registers,
    });
  }

  show(windows: readonly ChangeWindow[]): void {
    this.#open.set(windows.length);
    this.#until.reset();
    for (const { id, until } of windows) this.#until.set({ window: String(id) }, until / 1000);
  }
}
