/** A node that reports without end, or nodes without end: neither fills the disk, nor keeps the others waiting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { burstHours } from '@holdfast/collector/core/node-quota';
import { CollectorApp } from '../harness/collector-app.ts';
import { agentToken } from '../harness/process.ts';
import { type SyntheticNode, syntheticFleet } from '../harness/synthetic-fleet.ts';

const hourMs = 3_600_000;

async function flood(app: CollectorApp, node: SyntheticNode, most: number): Promise<number> {
  for (let round = 1; round <= most; round++) {
    const changes = [0, 1, 2, 3].map((which) => node.change(which, `${round}`));
    const reply = await app.report(node.name, node.difference(changes));
    if (reply.status === 429) return round - 1;
    assert.equal(reply.status, 200, reply.text);
    node.base = reply.json.observed;
  }
  return most;
}

describe('a node that reports too much', () => {
  it('is told to wait once its history has grown by so much, is shown, and others are not affected', async () => {
    await using app = await CollectorApp.open({ HOLDFAST_NODE_EVENTS_PER_HOUR: '1' });
    const [bad, good] = syntheticFleet({ nodes: 2, entries: 100, own: 10 }) as [SyntheticNode, SyntheticNode];
    await app.taken(bad, bad.first());
    await app.taken(good, good.first());
    const rounds = await flood(app, bad, 30);
    assert.ok(rounds >= burstHours.events / 4 - 2 && rounds <= burstHours.events / 4, `${rounds} rounds`);
    const refused = await app.report(bad.name, bad.heartbeat());
    assert.deepEqual([refused.status, refused.json.code], [429, 'node-over-quota']);
    assert.equal(refused.headers['retry-after'], '60');
    await app.taken(good, good.difference([good.change(1, 'x')]));
    const { text } = await app.call('GET', '/metrics');
    assert.match(text, new RegExp(`^holdfast_node_over_quota\\{node="${bad.name}"\\} 1$`, 'm'));
    assert.doesNotMatch(text, new RegExp(`^holdfast_node_over_quota\\{node="${good.name}"\\}`, 'm'));
    assert.match(text, /^holdfast_reports_total\{outcome="node-over-quota"\} 2$/m);
  });

  it('is not called silent while it waits, but what it sees is unknown', async () => {
    await using app = await CollectorApp.open({ HOLDFAST_NODE_EVENTS_PER_HOUR: '1' });
    const [bad] = syntheticFleet({ nodes: 1, entries: 100, own: 10 }) as [SyntheticNode];
    await app.taken(bad, bad.first());
    await flood(app, bad, 30);
    for (let minute = 0; minute < 6; minute++) {
      app.now += 60_000;
      assert.equal((await app.report(bad.name, bad.heartbeat())).status, 429);
    }
    const { json } = await app.call('GET', `/api/v1/nodes/${bad.name}`);
    assert.deepEqual(json.statuses, ['drifting', 'unknown']);
    app.now += 4 * hourMs;
    await app.taken(bad, bad.heartbeat());
  });

  it('is told to wait as well when it only sends much', async () => {
    await using app = await CollectorApp.open({ HOLDFAST_NODE_MIB_PER_HOUR: '1' });
    const [bad] = syntheticFleet({ nodes: 1, entries: 100, own: 10 }) as [SyntheticNode];
    await app.taken(bad, bad.first());
    const junk = `"${'x'.repeat(1024 * 1024 - 2)}"`;
    let taken = 0;
    while ((await app.report(bad.name, junk)).status === 400) taken += 1;
    assert.equal(taken, burstHours.bytes);
    assert.equal((await app.report(bad.name, bad.heartbeat())).status, 429);
    app.now += hourMs / 20;
    await app.taken(bad, bad.heartbeat());
  });

  it('is told to wait as well when it only brings contents, or databases of AIDE', async () => {
    await using app = await CollectorApp.open({ HOLDFAST_NODE_MIB_PER_HOUR: '1' });
    const fleet = syntheticFleet({ nodes: 2, entries: 100, own: 10 }) as [SyntheticNode, SyntheticNode];
    const junk = 'x'.repeat(100 * 1024);
    const put = (path: string) => app.call('PUT', path, { token: agentToken, body: junk });
    for (const [i, node] of fleet.entries()) {
      await app.taken(node, node.first());
      const path = `/api/v1/nodes/${node.name}/${i === 0 ? 'contents' : 'aide/databases'}/${'a'.repeat(64)}`;
      let bytes = 0;
      while ((await put(path)).json.code !== 'node-over-quota') bytes += junk.length;
      const allowed = burstHours.bytes * 1024 * 1024;
      assert.ok(bytes > allowed - junk.length && bytes <= allowed + junk.length, `${bytes}`);
      assert.equal((await app.report(node.name, node.heartbeat())).status, 429);
    }
  });
});

describe('nodes without end', () => {
  it('are refused beyond the limit, and those that are known go on', async () => {
    await using app = await CollectorApp.open({ HOLDFAST_MAX_NODES: '2' });
    const [a, b, c] = syntheticFleet({ nodes: 3, entries: 10, own: 2 }) as [
      SyntheticNode,
      SyntheticNode,
      SyntheticNode,
    ];
    await app.taken(a, a.first());
    await app.taken(b, b.first());
    const refused = await app.report(c.name, c.first());
    assert.deepEqual([refused.status, refused.json.code], [429, 'too-many-nodes']);
    await app.taken(a, a.heartbeat());
    assert.equal((await app.call('DELETE', `/api/v1/nodes/${b.name}`)).status, 200);
    await app.taken(c, c.first());
  });
});
