/**
 * What a run of AIDE means. The exit code alone says "no differences" of a file that became unreadable, of an empty
 * database, of rules that were dropped; so all that there is must agree, and what does not is unknown. In order:
 *
 * 1. A run that did not end by itself has failed.
 * 2. An exit code that names an error, or none that AIDE has; a report that cannot be read or does not fit the exit code.
 * 3. Something that AIDE could not measure and our own scan could.
 * 4. A database that is not whole, does not fit the report, or is far from what our own scan saw.
 * 5. What is left is believed.
 */
import type { AideVerdict } from '@holdfast/shared/wire-aide';
import type { AideReportEnd } from '#core/aide/report-scan';

export interface AideOutcome {
  readonly action: 'init' | 'update';
  /** Null: it was killed. */
  readonly exit: number | null;
  /** Why we ended it; null if we did not. */
  readonly killedFor: string | null;
  readonly report: AideReportEnd;
  /** The first line on stderr; null if there was none. */
  readonly firstWarning: string | null;
  /** Lines on stderr but those about paths that our own scan could not read either. */
  readonly unexpectedWarnings: number;
  readonly database: {
    /** Why it is no whole database; null if it is one. */
    readonly problem: string | null;
    readonly entries: number;
    /** Files without the hash that counts, though our own scan could read them. */
    readonly unhashed: number;
  };
  /** Entries that our own scan knows of the same scope. */
  readonly ownEntries: number;
}

export interface Judgement {
  readonly verdict: AideVerdict;
  /** One sentence; null for same and drift. */
  readonly reason: string | null;
}

/** Between the two looks a few files come and go. */
export const maxEntriesApart = 16;
export const maxPercentApart = 1;

const exitMeanings: Readonly<Record<number, string>> = {
  14: 'it could not write',
  15: 'it did not take its arguments',
  16: 'it lacks a function',
  17: 'it did not take its configuration',
  18: 'a file could not be opened or read',
  19: 'another version made the database',
  20: 'it could not start a program',
  21: 'a lock was held',
  22: 'it had no memory',
  23: 'it could not start a thread',
  24: 'it did not take the database',
  25: 'a signal ended it',
};

export function judgeRun(outcome: AideOutcome): Judgement {
  const failure = failureOf(outcome);
  if (failure !== null) return { verdict: 'failed', reason: failure };
  const doubt = exitDoubt(outcome) ?? blindDoubt(outcome) ?? databaseDoubt(outcome);
  if (doubt !== null) return { verdict: 'unknown', reason: doubt };
  return { verdict: outcome.exit === 0 ? 'same' : 'drift', reason: null };
}

function failureOf({ exit, killedFor }: AideOutcome): string | null {
  if (killedFor !== null) return `AIDE was ended: ${killedFor}`;
  return exit === null ? 'AIDE was killed' : null;
}

function exitDoubt({ action, exit, report, firstWarning }: AideOutcome): string | null {
  if (exit === null || exit > 7) {
    const meaning = exitMeanings[exit ?? 0] ?? 'this says nothing';
    return `AIDE ended with ${exit}: ${meaning}${firstWarning === null ? '' : ` (${firstWarning})`}`;
  }
  if (report.problem !== null) return report.problem;
  if (action === 'init') return exit === 0 ? null : `AIDE made a first database and ended with ${exit}`;
  const { total, added, removed, changed } = report.counts;
  // So an empty or unreadable baseline looks, of which AIDE 0.19 says nothing at all.
  if (total > 0 && added === total && removed === 0)
    return 'to AIDE everything is new, as if its baseline were empty';
  const counted = (added > 0 ? 1 : 0) + (removed > 0 ? 2 : 0) + (changed > 0 ? 4 : 0);
  if (counted === exit) return null;
  return `AIDE ended with ${exit}, and its report counts ${added} added, ${removed} removed, ${changed} changed`;
}

function blindDoubt({ report, unexpectedWarnings, firstWarning }: AideOutcome): string | null {
  if (unexpectedWarnings > 0) return `AIDE warned ${unexpectedWarnings} times (${firstWarning ?? ''})`;
  const blind = report.problem === null ? report.blindPaths : 0;
  return blind > 0 ? `AIDE could not compare ${blind} paths in full` : null;
}

function databaseDoubt({ report, database, ownEntries }: AideOutcome): string | null {
  const { problem, entries, unhashed } = database;
  if (problem !== null) return `AIDE’s new database cannot be used: ${problem}`;
  if (entries === 0) return 'AIDE found nothing at all; is the host’s root directory there?';
  if (report.problem === null && report.counts.total !== entries) {
    return `AIDE counts ${report.counts.total} entries, and its database has ${entries}`;
  }
  if (unhashed > 0) return `AIDE has no hash of ${unhashed} files that can be read`;
  const apart = Math.abs(entries - ownEntries);
  if (apart <= Math.max(maxEntriesApart, (ownEntries * maxPercentApart) / 100)) return null;
  return `AIDE saw ${entries} entries, and the agent’s own scan ${ownEntries}`;
}
