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

export interface LokiLine extends Pick<LokiEvent, 'id' | 'node' | 'kind' | 'at'> {
  readonly line: string;
  readonly bytes: number;
}

interface Stream {
  readonly stream: { readonly job: 'holdfast'; readonly node: string; readonly kind: string };
  readonly values: [nanoseconds: string, line: string][];
}

export function lokiLine(event: LokiEvent): LokiLine {
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
  const whole = JSON.stringify({ ...facts, before, after, content });
  const line =
    Buffer.byteLength(whole) <= maxLineBytes
      ? whole
      : JSON.stringify({ ...facts, before: null, after: null, content: { withheld: 'too-large' } });
  return { id, node, kind, at, line, bytes: Buffer.byteLength(line) };
}

/**
 * The times that lines are sent with. An event that waited out an outage gets the present time, or Loki would refuse it; when it
 * happened is in the line (`at`). None is before the one of the line before it, `notBefore` for the first: else those that waited
 * too long would show after those that did not.
 */
export function lokiTimes(lines: readonly LokiLine[], now: Millis, notBefore: Millis): Millis[] {
  let last = notBefore;
  return lines.map(({ at }) => {
    const wanted = at > now - recentMs && at <= now ? at : now;
    // Not in the future, should the clock have been put back: Loki refuses that too.
    last = Math.min(now, Math.max(wanted, last));
    return last;
  });
}

/** Labels are few and bounded; the path is in the line. */
export function lokiPush(lines: readonly LokiLine[], times: readonly Millis[]): { streams: Stream[] } {
  const streams = new Map<string, Stream>();
  for (const [i, { id, node, kind, line }] of lines.entries()) {
    const key = `${node} ${kind}`;
    const stream = streams.get(key) ?? { stream: { job: 'holdfast', node, kind }, values: [] };
    streams.set(key, stream);
    stream.values.push([nanoseconds(times[i]!, id), line]);
  }
  return { streams: [...streams.values()] };
}

/** Text, because it is more than a JavaScript number holds; the event's number keeps the order within a millisecond. */
function nanoseconds(at: Millis, id: number): string {
  return `${at}${String(id % 1_000_000).padStart(6, '0')}`;
}
