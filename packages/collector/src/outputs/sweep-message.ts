/** What the webhook says of a sweep: only what got worse or recovered, by name, with long lists folded. Pure. */
import { foldCauses } from '#sweep/core/fold-causes';
import { isWorse, type StackNews } from '#sweep/core/stack-news';
import { shownName } from '#sweep/core/shown-name';
import type { StackState } from '#sweep/core/stack-state';
import type { SweepRecord } from '#store/sweep-store';
import { slackText, type WebhookMessage } from './webhook.ts';

/** A name in a line of Slack's. */
const named = (name: string) => slackText(shownName(name));

const maxLinesPerPart = 15;
const maxStacksPerLine = 5;

export interface MessageChoices {
  /** Whether people think that stacks can be planned at all. */
  readonly ranBefore: boolean;
  /** Counts alone, for a receiver that refused the whole. */
  readonly isBrief: boolean;
}

/** Null if there is nothing to tell. `sweep` is the one that ended last. */
export function sweepMessage(
  sweep: SweepRecord,
  news: readonly StackNews[],
  stateOf: (stack: string) => StackState | undefined,
  { ranBefore, isBrief }: MessageChoices,
): WebhookMessage | null {
  const { failure = null, endedBy = null } = sweep.end ?? {};
  const failsNow = failure !== null && ranBefore;
  if (news.length === 0 && !failsNow) return null;
  const worse = news.filter(isWorse);
  const better = news.filter((one) => !isWorse(one));
  const differing = worse.filter(({ kind }) => kind === 'differs');
  const causes = foldCauses(
    differing.map(({ stack }) => ({ stack, changes: [...(stateOf(stack)?.measured?.changes ?? [])] })),
  );
  const { id, counts, discovered } = sweep;
  const text = headline(sweep, worse.length, better.length);
  if (isBrief) return { text, event: 'sweep', details: { id, discovered, counts } };
  const lines = [
    text,
    ...(failsNow
      ? [`:red_circle: nothing was planned: ${failure.phase}: ${slackText(failure.diagnostic)}`]
      : []),
    ...(endedBy === null ? [] : [`:warning: not all stacks were planned: ended by ${endedBy}`]),
    ...folded(worse.map((one) => `:red_circle: ${lineOf(one, stateOf(one.stack))}`)),
    ...folded(
      causes
        .filter(({ stacks }) => stacks.length > 1)
        .map(
          ({ stacks, action, type, attributes }) =>
            `:link: one cause, ${stacks.length} stacks: ${action} of ${slackText(type)} (${named(attributes.slice(0, 5).join(', '))}): ${stackList(stacks)}`,
        ),
    ),
    ...folded(better.map((one) => `:white_check_mark: ${lineOf(one, stateOf(one.stack))}`)),
  ];
  return {
    text: lines.join('\n'),
    event: 'sweep',
    details: {
      id,
      startedAt: new Date(sweep.startedAt).toISOString(),
      commit: sweep.end?.confirmedOn ?? sweep.scope?.commit ?? null,
      failure,
      endedBy,
      discovered,
      counts,
      worse,
      recovered: better,
      causes,
    },
  };
}

function headline({ counts, discovered, scope }: SweepRecord, worse: number, better: number): string {
  const commit = scope?.commit ? ` at ${scope.commit.slice(0, 12)}` : '';
  const sums = Object.entries(counts).flatMap(([outcome, count]) =>
    count > 0 ? [`${count} ${outcome}`] : [],
  );
  return `*Holdfast sweep*${commit}: ${worse} worse, ${better} recovered (${discovered} stacks: ${sums.join(', ')})`;
}

function lineOf(news: StackNews, state: StackState | undefined): string {
  const stack = `\`${named(news.stack)}\``;
  switch (news.kind) {
    case 'differs':
      return `${stack}: ${news.cause}${news.was === null ? '' : ` (was ${news.was})`}${changesOf(state)}`;
    case 'fails':
      return `${stack}: ${news.outcome}${state?.phase ? ` in ${state.phase}` : ''}`;
    case 'gone':
      return `${stack}: not found any more${news.was === null ? '' : ` (was ${news.was})`}`;
    case 'settled':
      return `${stack}: clean again (was ${news.was})`;
    case 'measured-again':
      return `${stack}: can be planned again`;
  }
}

function changesOf(state: StackState | undefined): string {
  const counts = Object.entries(state?.measured?.changeCounts ?? {}).map(([action, n]) => `${n} ${action}`);
  const first = state?.measured?.changes.find(({ hidden }) => !hidden)?.address;
  if (counts.length === 0) return '';
  return `: ${counts.join(', ')}${first === undefined ? '' : `, as in ${named(first)}`}`;
}

function folded(lines: readonly string[]): string[] {
  if (lines.length <= maxLinesPerPart) return [...lines];
  return [...lines.slice(0, maxLinesPerPart), `… and ${lines.length - maxLinesPerPart} more`];
}

function stackList(stacks: readonly string[]): string {
  const shown = stacks.slice(0, maxStacksPerLine).map(named).join(', ');
  return stacks.length > maxStacksPerLine ? `${shown} and ${stacks.length - maxStacksPerLine} more` : shown;
}
