import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { type SyntheticNode, syntheticFleet } from '../../../../test/harness/synthetic-fleet.ts';

describe('routes of nodes', () => {
  let site: CollectorApp;
  const fleet = syntheticFleet({ nodes: 20, entries: 50, own: 10 });
  before(async () => {
    site = await CollectorApp.open();
  });
  after(() => site[Symbol.asyncDispose]());

  /** A node with one changed file. */
  async function drifting(): Promise<SyntheticNode> {
    const node = fleet.pop()!;
    await site.taken(node, node.first());
    await site.taken(node, node.difference([node.change(0, 'changed')]));
    return node;
  }

  it('show a node, alone and in the list', async () => {
    const { name, digest } = await drifting();
    const { status, json, text } = await site.call('GET', `/api/v1/nodes/${name}`);
    assert.equal(status, 200);
    assert.ok(text.endsWith('}\n'));
    assert.equal(json.status, 'drifting');
    assert.deepEqual(json.statuses, ['drifting']);
    assert.deepEqual(json.counts, { entries: 50, drift: { added: 0, removed: 0, changed: 1 }, unknown: 0 });
    assert.equal(json.observed, digest);
    assert.equal(json.baseline.sequence, 1);
    assert.equal(json.baseline.reviewed, false);
    assert.equal(json.lastReportAt, new Date(site.now).toISOString());
    const list = await site.call('GET', '/api/v1/nodes');
    assert.deepEqual(
      list.json.nodes.find((node: { name: string }) => node.name === name),
      json,
    );
  });

  it('call a node silent by the collector’s clock', async () => {
    const { name } = await drifting();
    site.now += 301_000;
    const { json } = await site.call('GET', `/api/v1/nodes/${name}`);
    assert.deepEqual(json.statuses, ['drifting', 'silent']);
    assert.equal(json.silentForSeconds, 301);
  });

  it('show drift with an entity tag that answers 304 until something changes', async () => {
    const node = await drifting();
    const url = `/api/v1/nodes/${node.name}/drift`;
    const first = await site.call('GET', url);
    const etag = String(first.headers['etag']);
    assert.match(etag, /^"[0-9a-f]+"$/);
    const [drift] = first.json.drift;
    assert.equal(drift.path, '/etc/own/file-0');
    assert.equal(drift.change, 'changed');
    assert.deepEqual(drift.engines, ['native']);
    assert.equal(drift.occurrences, 1);
    assert.equal(drift.before.path, drift.after.path);
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
      assert.equal((await site.call('GET', url, { headers: { 'if-none-match': tag } })).status, 304, tag);
    await site.taken(node, node.difference([node.change(1, 'changed too')]));
    const second = await site.call('GET', url, { headers: { 'if-none-match': etag } });
    assert.equal(second.status, 200);
    assert.equal(second.json.drift.length, 2);
  });

  it('accept everything without a body, and tell who did it', async () => {
    const { name } = await drifting();
    const { status, json } = await site.call('POST', `/api/v1/nodes/${name}/baseline`);
    assert.equal(status, 200);
    assert.deepEqual([json.accepted, json.remaining, json.baseline.sequence], [1, 0, 2]);
    assert.equal(json.baseline.acceptedBy, 'configured-operator');
    assert.equal(json.baseline.reviewed, false);
    const audit = await site.call('GET', '/api/v1/audit?limit=1');
    assert.deepEqual(
      [audit.json.audit[0].who, audit.json.audit[0].action, audit.json.audit[0].node],
      ['configured-operator', 'accept', name],
    );
  });

  it('accept named paths, from the body that curl -d sends', async () => {
    const node = await drifting();
    await site.taken(node, node.difference([node.change(1, 'changed too')]));
    const { json } = await site.call('POST', `/api/v1/nodes/${node.name}/baseline`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: { paths: ['/etc/own/file-1'], reason: 'CHG-1' },
    });
    assert.deepEqual([json.accepted, json.remaining, json.baseline.reason], [1, 1, 'CHG-1']);
  });

  it('refuse an acceptance of what the node has left, and take one of what it is', async () => {
    const node = await drifting();
    const url = `/api/v1/nodes/${node.name}`;
    const etag = String((await site.call('GET', `${url}/drift`)).headers['etag']);
    await site.taken(node, node.difference([node.change(1, 'slipped in')]));
    const stale = await site.call('POST', `${url}/baseline`, { headers: { 'if-match': etag } });
    assert.deepEqual([stale.status, stale.json.code], [412, 'node-moved-on']);
    const fresh = String((await site.call('GET', `${url}/drift`)).headers['etag']);
    const taken = await site.call('POST', `${url}/baseline`, { headers: { 'if-match': fresh } });
    assert.deepEqual([taken.status, taken.json.baseline.reviewed], [200, true]);
  });

  it('refuse bodies of acceptances that could mean anything but what they say', async () => {
    const { name } = await drifting();
    const bodies = [
      '{',
      '[]',
      'null',
      '"x"',
      '{"paths":[]}',
      '{"path":["/etc/x"]}',
      '{"paths":"/etc"}',
      '{"reason":""}',
    ];
    for (const body of [...bodies, '{"paths":["etc"]}', '{"paths":["/a?(b)"]}']) {
      const { status, json } = await site.call('POST', `/api/v1/nodes/${name}/baseline`, { body });
      assert.deepEqual([status, json.code], [400, 'bad-request'], body);
    }
    const huge = { reason: 'x'.repeat(3_000_000) };
    const { status, json } = await site.call('POST', `/api/v1/nodes/${name}/baseline`, { body: huge });
    assert.deepEqual([status, json.code], [413, 'body-too-large']);
    assert.equal((await site.call('GET', `/api/v1/nodes/${name}`)).json.baseline.sequence, 1);
  });

  it('list baselines, and go back to an earlier one', async () => {
    const { name } = await drifting();
    await site.call('POST', `/api/v1/nodes/${name}/baseline`);
    const back = await site.call('POST', `/api/v1/nodes/${name}/baselines/1/restore`, {
      body: { reason: 'mistake' },
    });
    assert.deepEqual([back.status, back.json.remaining, back.json.baseline.restoredFrom], [200, 1, 1]);
    const { json } = await site.call('GET', `/api/v1/nodes/${name}/baselines`);
    assert.deepEqual(
      json.baselines.map(({ sequence }: { sequence: number }) => sequence),
      [3, 2, 1],
    );
    for (const [sequence, status] of [
      ['9', 404],
      ['0', 400],
      ['x', 400],
      ['1.5', 400],
    ] as const) {
      const reply = await site.call('POST', `/api/v1/nodes/${name}/baselines/${sequence}/restore`);
      assert.equal(reply.status, status, sequence);
    }
  });

  it('stream a manifest as sorted lines', async () => {
    const node = await drifting();
    const url = `/api/v1/nodes/${node.name}/manifest`;
    const observed = await site.call('GET', `${url}?of=observed`);
    assert.equal(observed.headers['content-type'], 'application/x-ndjson');
    assert.equal(observed.headers['holdfast-manifest'], node.digest);
    const paths = observed.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).path);
    assert.equal(paths.length, 50);
    assert.deepEqual(
      paths,
      [...paths].sort((a, b) => (a < b ? -1 : 1)),
    );
    const baseline = await site.call('GET', `${url}?of=baseline`);
    assert.notEqual(baseline.text, observed.text);
    assert.equal((await site.call('GET', `${url}?of=both`)).status, 400);
    assert.equal((await site.call('GET', url)).text, observed.text);
  });

  it('page through events without losing one', async () => {
    const node = await drifting();
    for (let i = 0; i < 5; i++) await site.taken(node, node.difference([node.change(2, `content ${i}`)]));
    const all = await site.call('GET', `/api/v1/nodes/${node.name}/events?limit=1000`);
    const seen: number[] = [];
    for (let after = 0, more = true; more; ) {
      const page = await site.call('GET', `/api/v1/nodes/${node.name}/events?after=${after}&limit=2`);
      seen.push(...page.json.events.map(({ id }: { id: number }) => id));
      ({ next: after, more } = page.json);
    }
    assert.deepEqual(
      seen,
      all.json.events.map(({ id }: { id: number }) => id),
    );
    assert.ok(seen.length >= 6);
    const end = await site.call('GET', `/api/v1/nodes/${node.name}/events?after=${seen.at(-1)}`);
    assert.deepEqual([end.json.events, end.json.next, end.json.more], [[], seen.at(-1), false]);
    const last = await site.call('GET', `/api/v1/nodes/${node.name}/events?last=3`);
    assert.deepEqual(last.json.events, all.json.events.slice(-3));
    assert.deepEqual([last.json.next, last.json.more], [seen.at(-1), false]);
    const whole = await site.call('GET', `/api/v1/nodes/${node.name}/events?last=1000`);
    assert.deepEqual(whole.json, all.json);
    for (const query of [
      'after=-1',
      'after=x',
      'limit=0',
      'limit=1001',
      'before=1',
      'last=0',
      'last=2&after=1',
      'last=2&limit=2',
    ])
      assert.equal((await site.call('GET', `/api/v1/nodes/${node.name}/events?${query}`)).status, 400, query);
  });

  it('page through the audit from the newest back', async () => {
    const ids: number[] = [];
    for (let before: number | null = 0; before !== null; ) {
      const { json } = await site.call('GET', `/api/v1/audit?limit=3${before ? `&before=${before}` : ''}`);
      ids.push(...json.audit.map(({ id }: { id: number }) => id));
      before = json.next;
    }
    const { json } = await site.call('GET', '/api/v1/audit?limit=1000');
    assert.deepEqual(
      ids,
      json.audit.map(({ id }: { id: number }) => id),
    );
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => b - a),
    );
  });

  it('delete a node: no series, no reports, its history stays; and readmit it', async () => {
    const node = await drifting();
    const url = `/api/v1/nodes/${node.name}`;
    const series = async () => (await site.call('GET', '/metrics')).text.includes(`node="${node.name}"`);
    assert.equal(await series(), true);
    assert.equal((await site.call('DELETE', url)).status, 200);
    assert.equal(await series(), false);
    const refused = await site.report(node.name, node.heartbeat());
    assert.deepEqual([refused.status, refused.json.code], [410, 'node-deleted']);
    assert.equal((await site.call('POST', `${url}/baseline`)).status, 410);
    assert.equal((await site.call('POST', `${url}/rescan`)).status, 410);
    assert.notEqual((await site.call('GET', url)).json.deletedAt, null);
    assert.equal((await site.call('GET', `${url}/baselines`)).json.baselines.length, 1);
    assert.equal((await site.call('POST', `${url}/readmit`)).json.readmitted, true);
    assert.equal((await site.call('POST', `${url}/readmit`)).json.readmitted, false);
    await site.taken(node, node.heartbeat());
    assert.equal(await series(), true);
  });

  it('know no node that has not reported', async () => {
    const reads = ['', '/drift', '/baselines', '/manifest', '/events'];
    for (const path of reads) {
      const { status, json } = await site.call('GET', `/api/v1/nodes/nobody${path}`);
      assert.deepEqual([status, json.code], [404, 'node-unknown'], path);
    }
    for (const path of ['/baseline', '/baselines/1/restore', '/rescan', '/readmit']) {
      const { status, json } = await site.call('POST', `/api/v1/nodes/nobody${path}`);
      assert.deepEqual([status, json.code], [404, 'node-unknown'], path);
    }
    assert.equal((await site.call('DELETE', '/api/v1/nodes/nobody')).status, 404);
  });

  it('refuse names that are no DNS label paths, and routes that are not there', async () => {
    for (const name of [
      'UPPER',
      'a_b',
      '-a',
      'a..b',
      'a'.repeat(64),
      'a'.repeat(280),

      '%00',
      'x%2fy',
    ])
      assert.equal((await site.call('GET', `/api/v1/nodes/${name}`)).status, 400, name);
    for (const path of [
      '/',
      '/%ff',
      '/api/v1/nodes/%ff',
      '/api/v1',
      '/api/v1/nodes/',
      '/api/v1/nodes/a/b/c/d',
    ]) {
      const { status, json, text } = await site.call('GET', path);
      assert.ok(status === 404 || status === 400, `${path} ${status}`);
      assert.equal(typeof json.code, 'string');
      assert.ok(text.endsWith('\n'));
    }
  });
});
