/** One run of AIDE over open files, and everything that it said. */
import { type FileHandle, open } from 'node:fs/promises';
import type { AideSpec } from '@holdfast/shared/aide-database';
import { maxAideDatabaseBytesUnpacked } from '@holdfast/shared/wire-aide';
import { type AideReportEnd, AideReportScan } from '#core/aide/report-scan';
import { AideStderrScan } from '#core/aide/stderr-scan';
import { type AideProcessEnd, type AideProgram, runAideProcess } from './aide-process.ts';
import { type ScannedDatabase, scanDatabase } from './database-file.ts';

export interface AideLookOptions {
  readonly program: AideProgram;
  readonly config: string;
  /** As the configuration has it; a byte string. */
  readonly hostRoot: string;
  /** What to check against; null: a first database is made. */
  readonly baseline: FileHandle | null;
  /** Empty; takes the new database. */
  readonly database: FileHandle;
  readonly onRow?: (line: string, spec: AideSpec) => void;
  readonly timeLimitMs: number;
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
}

export interface AideLook extends AideProcessEnd {
  readonly report: AideReportEnd;
  readonly stderr: AideStderrScan;
  readonly database: ScannedDatabase;
}

/** Rejects if AIDE cannot be started, or the new database cannot be read. */
export async function lookWithAide(options: AideLookOptions): Promise<AideLook> {
  const { program, config, hostRoot, baseline, database, timeLimitMs, stateDirectory, signal } = options;
  const report = new AideReportScan();
  const stderr = new AideStderrScan(hostRoot);
  // Opened anew, because AIDE reads from where the file was written to last.
  await using input = baseline === null ? null : await open(`/proc/self/fd/${baseline.fd}`, 'r');
  const end = await runAideProcess({
    program,
    args: ['--config=-', baseline === null ? '--init' : '--update'],
    config,
    ...(input === null ? {} : { baseline: input.fd }),
    database: database.fd,
    maxDatabaseBytes: maxAideDatabaseBytesUnpacked,
    onReport: (piece) => report.take(piece),
    onStderr: (piece) => stderr.take(piece),
    timeLimitMs,
    stateDirectory,
    signal,
  });
  stderr.end();
  return { ...end, report: report.end(), stderr, database: await scanDatabase(database, options.onRow) };
}
