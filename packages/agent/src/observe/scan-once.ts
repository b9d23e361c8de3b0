import type { Manifest } from '@holdfast/shared/manifest';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { ScanResult } from '@holdfast/shared/wire';
import type { ScanOptions } from './options.ts';

export interface ScanOutcome {
  readonly manifest: Manifest;
  readonly blindSpots: readonly BlindSpot[];
  readonly result: ScanResult;
}

/** One full scan at full speed, for the offline commands. Rejects with the signal's reason when that aborts. */
export async function scanOnce(_options: ScanOptions, _signal: AbortSignal): Promise<ScanOutcome> {
  throw new Error('not built yet');
}
