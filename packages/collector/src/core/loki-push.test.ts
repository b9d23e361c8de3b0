import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeEvent } from '#core/event-record';
import { lokiLine, lokiPush, lokiTimes, maxLineBytes } from '#core/loki-push';

const minuteMs = 60_000;
const now = Date.parse('2026-03-01T12:00:00.000Z');

function lineAt(id: number, at: number, detail = '') {
  return lokiLine({ ...nodeEvent('node-reviewed', at, detail), id, node: 'n1', content: null });
}

test('what waited out an outage is sent with the present time, and nothing after it goes back', () => {
  const lines = [40, 31, 29, 1].map((minutes, i) => lineAt(i + 1, now - minutes * minuteMs));
  assert.deepEqual(lokiTimes(lines, now, 0), [now, now, now, now]);
  assert.deepEqual(lokiTimes(lines.slice(2), now, 0), [now - 29 * minuteMs, now - minuteMs]);
  assert.deepEqual(lokiTimes(lines.slice(2), now, now - minuteMs), [now - minuteMs, now - minuteMs]);
});

test('no line is sent from the future, also after the clock was put back', () => {
  assert.deepEqual(lokiTimes([lineAt(1, now + minuteMs), lineAt(2, now)], now, now + 5 * minuteMs), [
    now,
    now,
  ]);
});

test('lines of one millisecond keep their order, in a stream for each node and kind', () => {
  const lines = [lineAt(7, now), lineAt(8, now)];
  const [stream, ...others] = lokiPush(lines, lokiTimes(lines, now, 0)).streams;
  assert.deepEqual(others, []);
  assert.deepEqual(stream?.stream, { job: 'holdfast', node: 'n1', kind: 'node-reviewed' });
  assert.deepEqual(
    stream?.values.map(([time]) => time),
    [`${now}000007`, `${now}000008`],
  );
});

test('a line that Loki would refuse for its length loses what changed, and says so', () => {
  const diff = 'é'.repeat(maxLineBytes / 2);
  const { line, bytes } = lokiLine({
    ...nodeEvent('node-reviewed', now),
    id: 1,
    node: 'n1',
    content: { diff },
  });
  assert.ok(bytes <= maxLineBytes);
  assert.match(line, /"content":\{"withheld":"too-large"\}/);
});
