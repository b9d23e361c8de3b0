import type { Manifest } from '@holdfast/shared/manifest';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { ScanResult } from '@holdfast/shared/wire';
import type { ScanOptions } from './options.ts';
import { Scanner } from './scanner.ts';

export interface ScanOutcome {
  readonly manifest: Manifest;
  readonly blindSpots: readonly BlindSpot[];
  readonly result: ScanResult;
}

/** One full scan at full speed, for the offline commands. Rejects with the signal's reason when that aborts. */
export async function scanOnce(options: ScanOptions, signal: AbortSignal): Promise<ScanOutcome> {
  await using scanner = new Scanner(options);
  const result = await scanner.fullScan(signal);
  return { manifest: scanner.tree.manifest, blindSpots: scanner.blindSpots, result };
}
