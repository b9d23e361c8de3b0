/** The body of a push to Loki: one stream a node and kind of event, one line an event. */
import type { ContentDiff } from '#core/content-diff';
import type { EventRecord, Millis } from '#core/node-state';

/** Loki refuses longer lines (its `max_line_size`, 256 KB by default). */
export const maxLineBytes = 200 * 1024;
/** Loki takes lines that are out of order by at most an hour, and refuses what is older than a week. */
const recentMs = 30 * 60_000;

export interface LokiEvent extends EventRecord {
  readonly id: number;
  readonly node: string;
  readonly content: ContentDiff | null;
}

interface Stream {
  readonly stream: { readonly job: 'holdfast'; readonly node: string; readonly kind: string };
  readonly values: [nanoseconds: string, line: string][];
}

/**
 * Labels are few and bounded; the path is in the line. An event that waited out an outage is sent with the present time,
 * or Loki would refuse it; when it happened is in the line (`at`).
 */
export function lokiPush(events: readonly LokiEvent[], now: Millis): { readonly streams: Stream[] } {
  const streams = new Map<string, Stream>();
  for (const event of events) {
    const { node, kind } = event;
    const key = `${node} ${kind}`;
    const stream = streams.get(key) ?? { stream: { job: 'holdfast', node, kind }, values: [] };
    streams.set(key, stream);
    const at = event.at > now - recentMs && event.at <= now ? event.at : now;
    stream.values.push([nanoseconds(at, event.id), lokiLine(event)]);
  }
  return { streams: [...streams.values()] };
}

/** Text, because it is more than a JavaScript number holds; the event's number keeps the order within a millisecond. */
function nanoseconds(at: Millis, id: number): string {
  return `${at}${String(id % 1_000_000).padStart(6, '0')}`;
}

function lokiLine(event: LokiEvent): string {
  const { id, node, kind, at, agentAt, path, change, attributes, before, after, net, detail, content } =
    event;
  const facts = {
    id,
    node,
    kind,
    at: new Date(at).toISOString(),
    agentAt,
    path,
    change,
    attributes,
    net,
    detail,
  };
  const line = JSON.stringify({ ...facts, before, after, content });
  if (Buffer.byteLength(line) <= maxLineBytes) return line;
  return JSON.stringify({ ...facts, before: null, after: null, content: { withheld: 'too-large' } });
}
