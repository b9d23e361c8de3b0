/** The status of AIDE's engine: the worst that holds. */
import {
  type AideBaseline,
  type AideReport,
  type AideRun,
  aideSeries,
  type AideStatus,
} from '@holdfast/shared/wire-aide';

/** Why no run came of the newest try; null if one did. */
export interface AideTrouble {
  readonly status: 'tampered' | 'failed' | 'unknown';
  readonly reason: string;
}

export interface AideState {
  readonly found:
    | { readonly kind: 'off' | 'found' }
    | { readonly kind: 'absent' | 'unusable'; readonly reason: string }
    | null;
  readonly version: string | null;
  /** What the self-test found this AIDE blind to. */
  readonly degraded: readonly string[];
  readonly trouble: AideTrouble | null;
  readonly run: AideRun | null;
  /** Of the run's verdict. */
  readonly runReason: string | null;
  /** As {@link foreignTo} says of the run. */
  readonly foreign: string | null;
}

/**
 * Why AIDE, with this configuration and version, cannot be checked against `baseline`: it would compare what cannot be
 * compared, or not read it. Null if it can, or if there is none.
 */
export function foreignTo(
  baseline: AideBaseline | null,
  configDigest: string,
  version: string | null,
): string | null {
  if (baseline === null) return null;
  if (configDigest !== baseline.configDigest) return 'AIDE’s configuration is not that of its baseline';
  const [was, is] = [baseline.aideVersion, version ?? ''].map(aideSeries);
  return was === is ? null : `AIDE’s baseline was made by version ${was}, and this is ${is}`;
}

export const maxDegraded = 20;
const maxReasonCharacters = 1000;

export function aideReportOf(state: AideState): AideReport {
  const [status, reason] = statusOf(state);
  return {
    status,
    reason: reason?.slice(0, maxReasonCharacters) ?? null,
    version: state.version,
    degraded: state.degraded.slice(0, maxDegraded),
    run: state.run,
  };
}

function statusOf({
  found,
  degraded,
  trouble,
  run,
  runReason,
  foreign,
}: AideState): [AideStatus, string | null] {
  if (found === null) return ['starting', null];
  if (found.kind === 'off') return ['off', 'AIDE is switched off'];
  if (found.kind === 'absent') return ['absent', found.reason];
  if (found.kind === 'unusable') return ['failed', found.reason];
  if (trouble !== null) return [trouble.status, trouble.reason];
  if (run?.verdict === 'failed' || run?.verdict === 'unknown') return [run.verdict, runReason];
  if (foreign !== null) return ['unknown', foreign];
  if (run?.verdict === 'drift') return ['drift', null];
  if (degraded.length > 0) return ['degraded', `this AIDE does not see ${degraded.join(', ')}`];
  return run === null ? ['starting', null] : ['same', null];
}

const firstRetryMs = 120_000;
const longestRetryMs = 6 * 3_600_000;

/** How long to wait after so many tries in a row of which nothing can be believed. */
export function aideRetryMs(failures: number): number {
  return Math.min(firstRetryMs * 4 ** (failures - 1), longestRetryMs);
}
