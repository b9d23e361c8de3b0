/**
 * One run against the baseline that the collector keeps:
 * 1. Fetch the baseline, and believe nothing but its digest. Without one that is whole, AIDE does not run: it would take
 *    an empty database for a host on which everything is new.
 * 2. Run AIDE, read its report as it comes, and judge it. Where configuration or version are not the baseline's, AIDE makes
 *    a first database, and the collector compares.
 * 3. Let our own engine look at what has changed meanwhile, so that the two are told of together: what it then still sees
 *    as AIDE did not, has not changed since it was read.
 * 4. Give the new database to the collector, which decides by its rows.
 */
import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { aideConfigDigest } from '@holdfast/shared/aide-config';
import type { Manifest } from '@holdfast/shared/manifest';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { ScanResult } from '@holdfast/shared/wire';
import type { AideBaseline, AideRun } from '@holdfast/shared/wire-aide';
import { type AideTrouble, foreignTo } from '#core/aide/status';
import { type Judgement, judgeRun } from '#core/aide/verdict';
import type { AideDatabases, DatabaseOutcome } from '#io/aide-databases';
import { scanDatabase } from './database-file.ts';
import type { AideInstallation } from './find-aide.ts';
import { type AideLook, lookWithAide } from './look-with-aide.ts';
import { openNamelessFile } from './nameless-file.ts';
import { RowTally } from './row-tally.ts';

export interface RunRequest {
  readonly aide: AideInstallation;
  readonly config: string;
  /** A byte string. */
  readonly hostRoot: string;
  readonly baseline: AideBaseline | null;
  /** What our own scan sees of the same scope; live. */
  readonly manifest: Manifest;
  /** Brings `manifest` up to date. */
  readonly sweep: () => Promise<void>;
  readonly scope: ScopeMatcher;
  readonly databases: AideDatabases;
  readonly stateDirectory: string;
  readonly timeLimitMs: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

export type RunResult =
  | { readonly trouble: AideTrouble }
  | {
      readonly trouble: null;
      readonly run: AideRun;
      readonly reason: string | null;
      readonly scan: ScanResult;
    };

/** Rejects when `signal` is aborted, when AIDE cannot be started, or when the state directory takes no file. */
export async function runAide(request: RunRequest): Promise<RunResult> {
  const { aide, baseline, config, databases, signal, stateDirectory } = request;
  await using files = new AsyncDisposableStack();
  let baselineFile: FileHandle | null = null;
  if (baseline !== null) {
    baselineFile = files.use(await openNamelessFile(stateDirectory));
    const trouble = await fetchBaseline(databases, baseline.digest, baselineFile, signal);
    if (trouble !== null) return { trouble };
  }
  const startedMs = request.clock();
  const start = performance.now();
  const database = files.use(await openNamelessFile(stateDirectory));
  const rows = new RowTally(request);
  const isForeign = foreignTo(baseline, aideConfigDigest(config), aide.version) !== null;
  const given = isForeign ? null : baselineFile;
  const look = await lookWithAide({
    ...request,
    program: aide.program,
    baseline: given,
    database,
    onRow: (line, spec) => rows.take(line, spec),
  });
  signal.throwIfAborted();
  const durationMs = Math.round(performance.now() - start);
  await request.sweep();
  const judgement = judge(look, rows, request, given === null);
  const isUsable = judgement.verdict === 'same' || judgement.verdict === 'drift';
  const { digest } = look.database;
  if (isUsable && digest !== baseline?.digest) {
    const stored = await databases.store(digest, database, signal);
    if (stored.kind !== 'done') return { trouble: untold(stored) };
  }
  const moved = rows.changedSince(startedMs);
  const run = {
    ...describe(look, request),
    startedAt: new Date(startedMs).toISOString(),
    durationMs,
    ...(moved.length > 0 && { moved }),
    database: isUsable ? digest : null,
    verdict: judgement.verdict,
  };
  return { trouble: null, run, reason: judgement.reason, scan: rows.scanResult(run) };
}

async function fetchBaseline(
  databases: AideDatabases,
  digest: string,
  file: FileHandle,
  signal: AbortSignal,
): Promise<AideTrouble | null> {
  const outcome = await databases.fetch(digest, file, signal);
  switch (outcome.kind) {
    case 'missing':
      return { status: 'tampered', reason: `the collector has lost AIDE’s baseline database ${digest}` };
    case 'altered':
      return {
        status: 'tampered',
        reason: `AIDE’s baseline database ${digest} is altered: ${outcome.reason}`,
      };
    case 'unavailable':
      return { status: 'failed', reason: `AIDE’s baseline database cannot be fetched: ${outcome.reason}` };
    case 'done':
      break;
  }
  const scanned = await scanDatabase(file);
  if (scanned.digest !== digest) {
    return {
      status: 'tampered',
      reason: `AIDE’s baseline database has the digest ${scanned.digest}, not ${digest}`,
    };
  }
  if (scanned.problem === null) return null;
  return { status: 'tampered', reason: `AIDE’s baseline database cannot be used: ${scanned.problem}` };
}

function untold(outcome: Exclude<DatabaseOutcome, { kind: 'done' }>): AideTrouble {
  const reason = 'reason' in outcome ? outcome.reason : 'it does not know the node';
  return { status: 'failed', reason: `the collector does not take AIDE’s new database: ${reason}` };
}

function judge(look: AideLook, rows: RowTally, { manifest }: RunRequest, isFirst: boolean): Judgement {
  const { exit, killedFor, report, stderr, database } = look;
  const excused = stderr.warnings.filter(
    ({ path }) => path !== null && manifest.get(path)?.unread !== undefined,
  );
  return judgeRun({
    action: isFirst ? 'init' : 'update',
    exit,
    killedFor,
    report,
    firstWarning: stderr.warnings[0]?.message ?? null,
    unexpectedWarnings: stderr.total - excused.length,
    database: { problem: database.problem, entries: database.entries, unhashed: rows.unhashed },
    ownEntries: manifest.size,
  });
}

function describe(
  { exit, report, stderr, database }: AideLook,
  { config, baseline }: RunRequest,
): Omit<AideRun, 'startedAt' | 'durationMs' | 'database' | 'verdict'> {
  const counts = report.problem === null ? report.counts : null;
  const configDigest = aideConfigDigest(config);
  return {
    id: randomBytes(16).toString('hex'),
    exit,
    baseline: baseline?.digest ?? null,
    configDigest,
    ...(configDigest === baseline?.configDigest ? {} : { config }),
    entries: database.entries,
    added: counts?.added ?? null,
    removed: counts?.removed ?? null,
    changed: counts?.changed ?? null,
    warnings: [...stderr.warnings],
    warningsTotal: stderr.total,
  };
}
