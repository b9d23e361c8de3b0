/** The series of stacks and sweeps, made anew from the store each time: a stack that is gone leaves none behind. */
import { causes, changeActions, outcomes } from '#sweep/core/stack-result';
import type { StackState } from '#sweep/core/stack-state';
import type { SweepRecord } from '#store/sweep-store';
import { exposition, type Family, type Sample } from './exposition.ts';

export interface StackSnapshot {
  readonly stacks: readonly StackState[];
  /** The newest sweep over all stacks that has ended; null if there is none. */
  readonly lastWhole: SweepRecord | null;
  readonly running: number;
}

export async function exposeStacks(snapshot: StackSnapshot): Promise<Buffer[]> {
  const stacks = await exposition(stackSeries, {
    label: 'stack',
    all: snapshot.stacks,
    nameOf: ({ stack }) => stack,
  });
  return [...stacks, Buffer.from(sweepSeries.map((family) => familyText(family, snapshot)).join(''))];
}

const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  write: Family<StackState>['write'],
): Family<StackState> => ({ name, help, type: 'gauge', labels, write });

/** Every series that has a label `stack`. */
export const stackSeries: readonly Family<StackState>[] = [
  gauge(
    'terragrunt_drift_detected',
    '1 for the cause by which the stack differed when it was last measured, 0 for the others.',
    ['cause'],
    ({ measured, differs }, sample) => {
      if (measured === null) return;
      for (const cause of causes) sample(differs?.cause === cause ? 1 : 0, cause);
    },
  ),
  gauge(
    'holdfast_stack_outcome',
    '1 for the outcome of the last sweep that knew the stack, 0 for the others.',
    ['outcome'],
    ({ outcome }, sample) => {
      for (const each of outcomes) sample(each === outcome ? 1 : 0, each);
    },
  ),
  gauge(
    'holdfast_stack_hidden_changes',
    'Changes outside that the configuration ignores: counted, not drift.',
    [],
    ({ measured }, sample) => {
      if (measured !== null) sample(measured.hiddenChanges);
    },
  ),
  gauge(
    'holdfast_stack_changes',
    'What the last plan that measured the stack would do, by action; none is absent.',
    ['action'],
    ({ measured }, sample) => {
      for (const action of changeActions) {
        const count = measured?.changeCounts[action] ?? 0;
        if (count > 0) sample(count, action);
      }
    },
  ),
  gauge(
    'holdfast_stack_drift_since_timestamp_seconds',
    'Since when the stack differs by its present cause.',
    [],
    ({ differs }, sample) => {
      if (differs !== null) sample(differs.since / 1000);
    },
  ),
  gauge(
    'holdfast_stack_error_since_timestamp_seconds',
    'Since when the stack cannot be planned.',
    [],
    ({ errorSince }, sample) => {
      if (errorSince !== null) sample(errorSince / 1000);
    },
  ),
  gauge(
    'holdfast_stack_last_measured_timestamp_seconds',
    'When the stack was last measured.',
    [],
    ({ measured }, sample) => {
      if (measured !== null) sample(measured.at / 1000);
    },
  ),
  gauge(
    'holdfast_stack_perpetual',
    '1 while the stack differs in a way that no apply will settle.',
    [],
    ({ isPerpetual }, sample) => sample(isPerpetual ? 1 : 0),
  ),
  gauge(
    'holdfast_stack_plan_duration_seconds',
    'How long the newest plan of the stack took.',
    [],
    ({ durationMs }, sample) => {
      if (durationMs !== null) sample(durationMs / 1000);
    },
  ),
];

interface SweepFamily {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly write: (snapshot: StackSnapshot, sample: Sample) => void;
}

const ofLast = (
  name: string,
  help: string,
  labels: readonly string[],
  write: (last: SweepRecord, sample: Sample) => void,
): SweepFamily => ({
  name,
  help,
  labels,
  write: ({ lastWhole }, sample) => {
    if (lastWhole !== null) write(lastWhole, sample);
  },
});

/** Of the newest sweep over all stacks that has ended. */
export const sweepSeries: readonly SweepFamily[] = [
  ofLast(
    'holdfast_sweep_stacks',
    'Stacks of the last sweep, by outcome.',
    ['outcome'],
    ({ counts }, sample) => {
      for (const outcome of outcomes) sample(counts[outcome], outcome);
    },
  ),
  ofLast(
    'holdfast_sweep_discovered_stacks',
    'Stacks that the last sweep found.',
    [],
    ({ discovered }, sample) => sample(discovered),
  ),
  ofLast(
    'holdfast_sweep_balanced',
    '1 if the outcomes of the last sweep sum up to the stacks that it found; 0 is a defect.',
    [],
    ({ counts, discovered, end }, sample) => {
      const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
      sample(sum === discovered && end?.balanced !== false ? 1 : 0);
    },
  ),
  ofLast(
    'holdfast_sweep_ended',
    '1 for how the last sweep ended, 0 for the others; failed: nothing could be planned.',
    ['as'],
    ({ phase }, sample) => {
      for (const each of ['finished', 'failed', 'interrupted']) sample(each === phase ? 1 : 0, each);
    },
  ),
  ofLast(
    'holdfast_sweep_last_start_timestamp_seconds',
    'When the last sweep began.',
    [],
    ({ startedAt }, sample) => sample(startedAt / 1000),
  ),
  ofLast('holdfast_sweep_last_end_timestamp_seconds', 'When the last sweep ended.', [], ({ end }, sample) => {
    if (end !== null) sample(end.endedAt / 1000);
  }),
  ofLast(
    'holdfast_sweep_deadline_seconds',
    'How long the last sweep was allowed to take.',
    [],
    (last, sample) => sample(last.deadlineMs / 1000),
  ),
  ofLast(
    'holdfast_sweep_predicted_duration_seconds',
    'How long the last sweep was expected to take; absent where nothing was known.',
    [],
    ({ end }, sample) => {
      if (typeof end?.predictedMs === 'number') sample(end.predictedMs / 1000);
    },
  ),
  ofLast(
    'holdfast_sweep_reclassified_stacks',
    'Stacks of the last sweep that differed at first, and were clean against the newest commit.',
    [],
    ({ end }, sample) => sample(end?.reclassified ?? 0),
  ),
  ofLast(
    'holdfast_sweep_unused_rules',
    'Rules on known drift that matched nothing in the last sweep, or have expired.',
    [],
    ({ end }, sample) =>
      sample((end?.rules ?? []).filter(({ matched, expired }) => matched === 0 || expired).length),
  ),
  ofLast(
    'holdfast_sweep_unmatched_globs',
    'Globs of the configuration that no stack of the last sweep matched.',
    [],
    ({ scope }, sample) => sample(scope?.unmatched?.length ?? 0),
  ),
  {
    name: 'holdfast_sweep_running',
    help: '1 while a sweep runs.',
    labels: [],
    write: ({ running }, sample) => sample(running > 0 ? 1 : 0),
  },
];

function familyText({ name, help, labels, write }: SweepFamily, snapshot: StackSnapshot): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
  write(snapshot, (value, ...values) => {
    const pairs = labels.map((label, i) => `${label}="${values[i]}"`).join();
    text += `${name}${pairs === '' ? '' : `{${pairs}}`} ${value}\n`;
  });
  return `${text}\n`;
}
