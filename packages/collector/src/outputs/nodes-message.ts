/** What the webhook says of nodes: bounded, with names that can break nothing. Pure. */
import type { Change } from '@holdfast/shared/compare';
import type { NodeNews } from '#core/fleet-news';
import { slackText, type WebhookMessage } from './webhook.ts';

export const messageLimits = {
  rows: 50,
  nodesPerRow: 20,
  changesPerRow: 20,
  /** Of each list of nodes. */
  names: 200,
  /** Of all rows together, as JSON. */
  rowsCharacters: 128 * 1024,
} as const;

const shownInText = { rows: 10, nodes: 5, changes: 3, characters: 120 } as const;

/** New drift that stands on the same nodes. */
export interface ToldRow {
  readonly row: string;
  readonly nodes: number;
  /** On so many of them it is new. */
  readonly newOn: number;
  readonly changes: number;
  readonly onNodes: readonly string[];
  readonly drift: readonly Pick<Change, 'path' | 'change' | 'attributes'>[];
}

export interface NodesNews extends NodeNews {
  /** On so many nodes there is new drift. */
  readonly newlyDrifting: number;
  /** {@link messageLimits.rows} at most. */
  readonly rows: readonly ToldRow[];
  /** How many rows there are, those that are not listed included. */
  readonly rowCount: number;
  /** Changes that no row holds, because the fleet has too many. */
  readonly hiddenChanges: number;
}

/** `isBrief`: counts alone, for a receiver that refused the whole. */
export function nodesMessage(news: NodesNews, isBrief: boolean): WebhookMessage {
  const { newlyDrifting, silent, speakAgain, recovered, rowCount, hiddenChanges } = news;
  const counts = {
    newlyDrifting,
    silent: silent.length,
    speakAgain: speakAgain.length,
    recovered: recovered.length,
    rows: rowCount,
    hiddenChanges,
  };
  const headline = `*Holdfast nodes*: ${headlineOf(counts)}`;
  if (isBrief) return { text: headline, event: 'nodes', details: { counts } };
  const rows = fitting(news.rows);
  const shown = rows.slice(0, shownInText.rows);
  const text = [
    headline,
    ...shown.map(rowLine),
    ...(rowCount > shown.length ? [`… and ${rowCount - shown.length} more sets of changes`] : []),
    ...namesLine(':mute: silent', silent),
    ...namesLine(':speaker: speak again', speakAgain),
    ...namesLine(':white_check_mark: no drift any more', recovered),
  ].join('\n');
  const names = (all: readonly string[]) => all.slice(0, messageLimits.names);
  return {
    text,
    event: 'nodes',
    details: {
      counts,
      drift: rows,
      silent: names(silent),
      speakAgain: names(speakAgain),
      recovered: names(recovered),
    },
  };
}

function headlineOf(counts: Record<'newlyDrifting' | 'silent' | 'speakAgain' | 'recovered', number>): string {
  const { newlyDrifting, silent, speakAgain, recovered } = counts;
  const parts = [
    newlyDrifting > 0 ? `new drift on ${counted(newlyDrifting, 'node')}` : '',
    silent > 0 ? `${silent} silent` : '',
    speakAgain > 0 ? `${speakAgain} ${speakAgain === 1 ? 'speaks' : 'speak'} again` : '',
    recovered > 0 ? `${recovered} recovered` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** As many of the first as the limit allows. */
function fitting(rows: readonly ToldRow[]): ToldRow[] {
  let left: number = messageLimits.rowsCharacters;
  const kept: ToldRow[] = [];
  for (const row of rows) {
    left -= JSON.stringify(row).length;
    if (left < 0) break;
    kept.push(row);
  }
  return kept;
}

function rowLine({ nodes, newOn, changes, onNodes, drift }: ToldRow): string {
  const some = drift.slice(0, shownInText.changes).map(({ change, path }) => `${change} ${code(path)}`);
  const more = changes > some.length ? ` and ${changes - some.length} more` : '';
  const isNew = newOn < nodes ? `, new on ${newOn}` : '';
  return `:red_circle: ${counted(nodes, 'node')}${isNew}: ${some.join(', ')}${more}: ${nameList(onNodes, nodes)}`;
}

function namesLine(what: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${what}: ${nameList(names, names.length)}`];
}

function nameList(names: readonly string[], count: number): string {
  const some = names.slice(0, shownInText.nodes);
  return some.map(code).join(', ') + (count > some.length ? ` and ${count - some.length} more` : '');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function code(name: string): string {
  const { characters } = shownInText;
  // Not in the middle of a character that takes two units.
  const cut =
    name.length > characters ? `${name.slice(0, characters - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : name;
  return `\`${slackText(cut).replaceAll('`', "'")}\``;
}
