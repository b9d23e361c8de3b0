/** Series of what the collector keeps its data on, and of the backups that it makes. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Millis } from '#core/node-state';

export interface StorageFigures {
  readonly databaseBytes: number;
  /** Of it, pages that hold nothing at present. */
  readonly unusedBytes: number;
  /** Null if the system does not say. */
  readonly diskFreeBytes: number | null;
  readonly isNearlyFull: boolean;
}

export class StorageMetrics {
  readonly #series;

  constructor(registry: Registry) {
    this.#series = declareSeries(registry);
    this.#series.backupFailures.inc(0);
  }

  show({ databaseBytes, unusedBytes, diskFreeBytes, isNearlyFull }: StorageFigures): void {
    this.#series.database.set(databaseBytes);
    this.#series.unused.set(unusedBytes);
    if (diskFreeBytes !== null) this.#series.diskFree.set(diskFreeBytes);
    this.#series.nearlyFull.set(isNearlyFull ? 1 : 0);
  }

  backupMade(at: Millis): void {
    this.#series.lastBackup.set(at / 1000);
  }

  backupFailed(): void {
    this.#series.backupFailures.inc();
  }
}

function declareSeries(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  return {
    database: gauge('holdfast_database_bytes', 'Size of the database, its unused pages included.'),
    unused: gauge('holdfast_database_unused_bytes', 'Pages of the database that hold nothing at present.'),
    diskFree: gauge('holdfast_disk_free_bytes', 'Room left on the disk of the database.'),
    nearlyFull: gauge(
      'holdfast_disk_nearly_full',
      '1 while reports that bring something new are put off for want of room.',
    ),
    lastBackup: gauge(
      'holdfast_backup_last_success_timestamp_seconds',
      'When the newest scheduled backup was made; 0 while there is none.',
    ),
    backupFailures: new Counter({
      name: 'holdfast_backup_failures_total',
      help: 'Scheduled backups that could not be made.',
      registers,
    }),
  };
}
