import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageLimits, nodesMessage, type NodesNews, type ToldRow } from './nodes-message.ts';
import { webhookBody } from './webhook.ts';

const nothing: NodesNews = {
  newlyDrifting: 0,
  rows: [],
  rowCount: 0,
  hiddenChanges: 0,
  silent: [],
  speakAgain: [],
  recovered: [],
};
const row: ToldRow = {
  row: 'r',
  nodes: 1000,
  newOn: 1000,
  changes: 800,
  onNodes: Array.from({ length: 20 }, (_, i) => `n${i}`),
  drift: Array.from({ length: 20 }, (_, i) => ({
    path: `/usr/bin/${i}`,
    change: 'changed',
    attributes: ['sha256'],
  })),
};

describe('what the webhook says of nodes', () => {
  it('is one line for an upgrade of the fleet, and one for each other kind of news', () => {
    const { text } = nodesMessage(
      { ...nothing, newlyDrifting: 1000, rows: [row], rowCount: 1, silent: ['a'], recovered: ['b', 'c'] },
      false,
    );
    assert.deepEqual(text.split('\n'), [
      '*Holdfast nodes*: new drift on 1000 nodes, 1 silent, 2 recovered',
      ':red_circle: 1000 nodes: changed `/usr/bin/0`, changed `/usr/bin/1`, changed `/usr/bin/2` and 797 more: `n0`, `n1`, `n2`, `n3`, `n4` and 995 more',
      ':mute: silent: `a`',
      ':white_check_mark: no drift any more: `b`, `c`',
    ]);
  });

  it('lets no name be a link, a mention or the end of its own quotes', () => {
    const drift = [{ path: '/etc/`<!channel>`&', change: 'added', attributes: [] }] as const;
    const hostile = { ...row, nodes: 1, newOn: 1, changes: 1, onNodes: ['a'], drift };
    const { text, details } = nodesMessage(
      { ...nothing, newlyDrifting: 1, rows: [hostile], rowCount: 1 },
      false,
    );
    assert.ok(text.includes("added `/etc/'&lt;!channel&gt;'&amp;`"), text);
    assert.ok(JSON.stringify(details).includes('/etc/`<!channel>`&'), 'programs get the name as it is');
  });

  it('is bounded, however long the names and lists are', () => {
    const path = `/${'%0A'.repeat(4095)}`;
    const drift = row.drift.map((change) => ({ ...change, path }));
    const rows = Array.from({ length: messageLimits.rows }, () => ({ ...row, drift }));
    const names = Array.from({ length: 10_000 }, (_, i) => `${i}`.padStart(253, 'n'));
    const news = { ...nothing, newlyDrifting: 1, rows, rowCount: 9999, silent: names, recovered: names };
    const body = webhookBody(nodesMessage({ ...news, speakAgain: names }, false));
    assert.ok(body.length < 400 * 1024, `${body.length} characters`);
    const { text, nodes } = JSON.parse(body) as { text: string; nodes: { counts: object; silent: string[] } };
    assert.ok(text.length <= 3500);
    assert.equal(nodes.silent.length, messageLimits.names);
    assert.deepEqual(nodes.counts, {
      newlyDrifting: 1,
      silent: 10_000,
      speakAgain: 10_000,
      recovered: 10_000,
      rows: 9999,
      hiddenChanges: 0,
    });
    assert.ok(webhookBody(nodesMessage(news, true)).length < 1000, 'brief is brief');
  });
});
