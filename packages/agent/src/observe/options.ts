import type { ScopeMatcher } from '@holdfast/shared/scope';

/** What is used of a pino logger. */
export interface Log {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** What every look at the file tree needs. */
export interface ScanOptions {
  readonly scope: ScopeMatcher;
  /** Where the host's root directory is seen, `/` outside a container. Reported paths are without it. */
  readonly hostRoot: string;
  /** Larger files are recorded as `too-large` and not read. */
  readonly maxFileMib: number;
  readonly log: Log;
  /** A full scan waits while more files than these are to be read. */
  readonly maxQueuedScans?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly clock?: () => number;
}

export interface ObserverOptions extends ScanOptions {
  /** Quiet time after a watch event before its path is looked at; a path that never rests waits ten times as long. */
  readonly settleMs: number;
  /** Until a watcher that failed is tried anew; doubles up to a quarter of an hour. Default: a minute. */
  readonly watchRetryMs?: number;
  readonly metadataScanSeconds: number;
  /** See `dailySplay`. A full scan that is due while another runs is left out. */
  readonly fullScanCron: string;
  /** IANA name of the zone that `fullScanCron` is in. Default: UTC. */
  readonly timezone?: string;
  /** For scheduled full scans and the first one, over all cores together; 0: no limit. */
  readonly readMibPerSecond: number;
  /** Before the first full scan. */
  readonly startDelayMs: number;
  /** The first full scan ignores `readMibPerSecond`. */
  readonly startAtFullSpeed: boolean;
}

/** Above this a file is not read unless the options say so: it would occupy a worker for long. */
export const defaultMaxFileMib = 1024;
