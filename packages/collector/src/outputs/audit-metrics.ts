import { Gauge, type Registry } from 'prom-client';
import type { AuditHead } from '#core/audit-chain';

/** The head of the audit log, so that whoever scrapes it keeps a copy that the collector's host cannot reach. */
export class AuditMetrics {
  readonly #head: Gauge<'id' | 'hash'>;

  constructor(registry: Registry) {
    this.#head = new Gauge({
      name: 'holdfast_audit_head_info',
      help: 'Always 1; the labels are the number and the hash of the newest record of the audit log.',
      labelNames: ['id', 'hash'],
      registers: [registry],
    });
  }

  show({ id, hash }: AuditHead): void {
    this.#head.reset();
    this.#head.set({ id: String(id), hash }, 1);
  }
}
