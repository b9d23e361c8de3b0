/** What `holdfast-collector sweep` prints at the end, and the exit code that it amounts to. */
import type { Writable } from 'node:stream';
import type { SweepEnd, SweepScope } from '#store/sweep-store';
import { foldCauses } from '#sweep/core/fold-causes';
import { shownName } from '#sweep/core/shown-name';
import { causeOf, outcomes, type StackResult } from '#sweep/core/stack-result';

export interface SweepReport {
  readonly id: string;
  readonly scope: SweepScope | null;
  readonly end: SweepEnd;
  readonly discovered: number;
  readonly results: readonly StackResult[];
}

/** 1 beats 2: what is not known may be worse than what is. */
export function exitCodeOf({ scope, end, results }: SweepReport): 0 | 1 | 2 {
  const isUnmeasured = ({ outcome }: StackResult) =>
    outcome === 'error' || outcome === 'timeout' || outcome === 'unmeasured';
  const isWhole = (scope?.unmatched ?? []).length === 0;
  if (!isWhole || end.phase !== 'finished' || !end.balanced || end.leaked || results.some(isUnmeasured))
    return 1;
  return results.some(({ outcome }) => causeOf(outcome) !== null) ? 2 : 0;
}

export function writeReport(out: Writable, report: SweepReport, asJson: boolean): void {
  const { id, scope, end, discovered, results } = report;
  if (asJson) {
    const stacks = results.map((result) => ({ ...result, cause: causeOf(result.outcome) }));
    const { failure, endedBy, rules, reclassified } = end;
    const told = {
      sweep: id,
      commit: end.confirmedOn ?? scope?.commit ?? null,
      discovered,
      unmatched: scope?.unmatched ?? [],
      failure,
      endedBy,
      reclassified,
      rules,
      causes: foldCauses(results),
      stacks,
    };
    out.write(`${JSON.stringify(told)}\n`);
    return;
  }
  const told = results.filter(({ outcome }) => outcome !== 'clean' && outcome !== 'excluded');
  const width = Math.max(0, ...told.map(({ stack }) => shownName(stack).length));
  for (const result of told) out.write(`${shownName(result.stack).padEnd(width)}  ${lineOf(result)}\n`);
  for (const { stacks, action, type, attributes } of foldCauses(results).filter(
    ({ stacks }) => stacks.length > 1,
  )) {
    out.write(
      `one cause, ${stacks.length} stacks: ${action} of ${type} (${shownName(attributes.join(', '))})\n`,
    );
  }
  for (const { rule, matched, expired } of end.rules) {
    if (expired) out.write(`rule has expired: ${rule}\n`);
    else if (matched === 0) out.write(`rule matched nothing: ${rule}\n`);
  }
  const unknown = scope?.disagreement?.onlyTerragrunt ?? [];
  if (unknown.length > 0)
    out.write(`terragrunt finds ${unknown.length} that no glob matches, as ${shownName(unknown[0]!)}\n`);
  for (const glob of scope?.unmatched ?? []) out.write(`no stack matches ${glob}\n`);
  if (end.failure) out.write(`nothing was planned: ${end.failure.phase}: ${end.failure.diagnostic}\n`);
  const counts = outcomes.flatMap((outcome) => {
    const count = results.filter((result) => result.outcome === outcome).length;
    return count > 0 ? [`${count} ${outcome}`] : [];
  });
  out.write(`${discovered} stacks: ${counts.join(', ') || 'none'}\n`);
}

function lineOf({ outcome, phase, diagnostic, changeCounts }: StackResult): string {
  const counts = Object.entries(changeCounts).map(([action, count]) => `${count} ${action}`);
  const where = phase === null ? outcome : `${outcome} in ${phase}`;
  const why = diagnostic === null ? counts.join(', ') : diagnostic.split('\n', 1)[0]!;
  return why === '' ? where : `${where}: ${why}`;
}
