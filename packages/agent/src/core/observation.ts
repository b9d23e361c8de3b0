/** What the part of the agent that looks (observer) offers to the part that tells (reporter), and to the commands. */
import type { Entry } from '@holdfast/shared/entry';
import type { Manifest } from '@holdfast/shared/manifest';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { Net, ScanResult } from '@holdfast/shared/wire';

/** One change of the observed state. Null where the path was not there. */
export interface ObservedChange {
  /** RFC 3339 in UTC, milliseconds; the agent's clock. */
  readonly at: string;
  readonly net: Net;
  readonly path: string;
  readonly before: Entry | null;
  readonly after: Entry | null;
}

export interface Observation {
  readonly scope: ScopeMatcher;
  /** Live: changes as paths are looked at. Null until the first full scan has ended. */
  readonly manifest: Manifest | null;
  readonly blindSpots: readonly BlindSpot[];
  /** The newest result of each net that has run. */
  readonly scans: readonly ScanResult[];
  /** Null: the watcher works. Else one sentence on why the metadata sweep stands in. */
  readonly watchDegraded: string | null;

  /**
   * `listener` is called after the manifest has taken a batch of changes in. Changes of the first full scan are not
   * told: they are the manifest. Returns the way to stop.
   */
  onChange(listener: (changes: readonly ObservedChange[]) => void): () => void;
  /** `listener` is called when the first manifest is there, when a scan has ended, or when health or blind spots changed. */
  onState(listener: () => void): () => void;
  /** A full scan at full speed, after the one that is running if there is one. Resolves when it has ended. */
  rescan(): Promise<ScanResult>;
  /** A metadata sweep that begins from now on. Resolves when it has ended, however it did. */
  sweep(): Promise<void>;
}
