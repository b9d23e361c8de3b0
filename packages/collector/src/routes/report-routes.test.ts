import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { agentToken } from '../../../../test/harness/process.ts';
import { syntheticFleet, type SyntheticNode } from '../../../../test/harness/synthetic-fleet.ts';

describe('routes of agents', () => {
  let site: CollectorApp;
  const fleet = syntheticFleet({ nodes: 12, entries: 50, own: 10 });
  before(async () => {
    site = await CollectorApp.open();
  });
  after(() => site[Symbol.asyncDispose]());

  async function known(): Promise<SyntheticNode> {
    const node = fleet.pop()!;
    await site.taken(node, node.first());
    return node;
  }

  it('take a report, plain or packed', async () => {
    const node = fleet.pop()!;
    const first = await site.report(node.name, node.first());
    assert.equal(first.status, 200, first.text);
    assert.equal(first.json.observed, node.digest);
    assert.equal(first.json.epoch, site.store.epoch);
    assert.deepEqual([first.json.eventsStored, first.json.commands], [0, []]);
    node.base = first.json.observed;
    const text = () => JSON.stringify(node.heartbeat());
    assert.equal(
      (await site.report(node.name, gzipSync(text()), { 'content-encoding': 'gzip' })).status,
      200,
    );
    assert.equal(
      (await site.report(node.name, zstdCompressSync(text()), { 'content-encoding': 'zstd' })).status,
      200,
    );
    const other = await site.report(node.name, text(), { 'content-encoding': 'br' });
    assert.deepEqual([other.status, other.json.code], [415, 'unsupported-encoding']);
  });

  it('answer a report that starts elsewhere with what the collector holds', async () => {
    const node = await known();
    const held = node.digest;
    const { status, json } = await site.report(node.name, {
      ...node.heartbeat(),
      base: 'f'.repeat(64),
      result: 'f'.repeat(64),
    });
    assert.deepEqual(
      [status, json.code, json.observed, json.epoch],
      [409, 'base-mismatch', held, site.store.epoch],
    );
    assert.equal(json.bucketDigests.length, 256);
  });

  it('refuse what is no report, and name the first few errors', async () => {
    const node = await known();
    const { scope: _scope, ...withoutScope } = node.heartbeat();
    const cases: [string, unknown][] = [
      ['', ''],
      ['is not JSON', '{'],
      ['must be a mapping of names to values', '[]'],
      ['scope', withoutScope],
      ['more: is not known here', { ...node.heartbeat(), more: 1 }],
      ['/upserts/0', { ...node.heartbeat(), upserts: [{ path: '/x', type: 'nonsense' }] }],
      ['/sequence', { ...node.heartbeat(), sequence: -1 }],
    ];
    for (const [named, body] of cases) {
      const { status, json } = await site.report(
        node.name,
        typeof body === 'string' ? body : JSON.stringify(body),
      );
      assert.deepEqual([status, json.code], [400, 'bad-request'], JSON.stringify(body));
      assert.ok(json.detail.includes(named), json.detail);
      assert.ok(json.detail.length < 2000);
    }
    const bombs = [
      '['.repeat(8_000_000),
      `[${'{},'.repeat(4_000_000)}0]`,
      `{${'"a":0,'.repeat(1_000_000)}"b":0}`,
    ];
    for (const bomb of bombs) {
      const packed = zstdCompressSync(bomb);
      const { status, json } = await site.report(node.name, packed, { 'content-encoding': 'zstd' });
      assert.deepEqual([status, json.code], [400, 'bad-request']);
      assert.match(json.detail, /^The body holds /, 'refused before it is parsed');
    }
    const crooked = { ...node.heartbeat(), removed: ['/a/../b'] };
    const { status, json } = await site.report(node.name, crooked);
    assert.deepEqual([status, json.code], [422, 'invalid-report']);
  });

  it('count reports by what became of them', async () => {
    const { text } = await site.call('GET', '/metrics');
    const count = (outcome: string) =>
      Number(new RegExp(`^holdfast_reports_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
    assert.ok(count('taken') >= 4);
    assert.equal(count('base-mismatch'), 1);
    assert.equal(count('invalid-report'), 1);
    assert.equal(count('unsupported-encoding'), 1);
  });

  const poll = (name: string) => site.call('GET', `/api/v1/nodes/${name}/commands`, { token: agentToken });

  it('hold a poll until there is a command, and answer at once while one waits', async () => {
    const node = await known();
    let answered = false;
    const waiting = poll(node.name).then((reply) => ((answered = true), reply));
    await sleep(50);
    assert.equal(answered, false);
    assert.equal((await site.call('POST', `/api/v1/nodes/${node.name}/rescan`)).status, 202);
    const { status, json } = await waiting;
    assert.deepEqual([status, json.commands[0].kind], [200, 'rescan']);
    const again = await poll(node.name);
    assert.deepEqual(again.json, json);
    await site.taken(node, { ...node.heartbeat(), commandsDone: [json.commands[0].id] });
    const next = poll(node.name);
    const newest = poll(node.name);
    assert.equal((await next).status, 204, 'a newer poll of the same node takes its place');
    await site.call('POST', `/api/v1/nodes/${node.name}/rescan`);
    assert.equal((await newest).status, 200);
  });

  it('let nobody poll for a node that is not known, or was deleted', async () => {
    const unknown = await poll('nobody');
    assert.deepEqual([unknown.status, unknown.json.code], [404, 'node-unknown']);
    const node = await known();
    const waiting = poll(node.name);
    await site.call('DELETE', `/api/v1/nodes/${node.name}`);
    const deleted = await poll(node.name);
    assert.deepEqual([deleted.status, deleted.json.code], [410, 'node-deleted']);
    site.stopping.abort();
    assert.equal((await waiting).status, 204);
  });

  it('refuse everything with 503 once the collector stops', async () => {
    const { status, json, headers } = await site.call('GET', '/api/v1/nodes');
    assert.deepEqual([status, json.code, headers['connection']], [503, 'shutting-down', 'close']);
    assert.ok(Number(headers['retry-after']) > 0);
  });
});
