import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { agentToken } from '../../../../test/harness/process.ts';
import { type SyntheticNode, syntheticFleet } from '../../../../test/harness/synthetic-fleet.ts';

const hour = 3_600_000;

describe('routes of the acceptance workflow', () => {
  let site: CollectorApp;
  const fleet = syntheticFleet({ nodes: 20, entries: 50, own: 10 });
  before(async () => {
    site = await CollectorApp.open();
  });
  after(() => site[Symbol.asyncDispose]());

  /** A node with two changed files. */
  async function drifting(): Promise<{ node: SyntheticNode; url: string }> {
    const node = fleet.pop()!;
    await site.taken(node, node.first());
    await site.taken(node, node.difference([node.change(0, 'changed'), node.change(1, 'changed')]));
    return { node, url: `/api/v1/nodes/${node.name}` };
  }

  const inAnHour = () => new Date(site.now + hour).toISOString();

  async function acknowledgedSeries(node: string): Promise<string[]> {
    const { text } = await site.call('GET', '/metrics');
    const series = text.matchAll(/^holdfast_drift_acknowledged\{node="([^"]*)",path="([^"]*)"\} 1$/gm);
    return Array.from(series).flatMap(([, name, path]) => (name === node ? [path!] : []));
  }

  it('acknowledge a drift until a time: its series comes, the drift stays, and the time ends it', async () => {
    const { node, url } = await drifting();
    const etag = String((await site.call('GET', `${url}/drift`)).headers['etag']);
    const { status, json } = await site.call('POST', `${url}/drift/acknowledge`, {
      headers: { 'if-match': etag },
      body: { paths: ['/etc/own/file-0'], until: inAnHour(), reason: 'CHG-1' },
    });
    assert.deepEqual([status, json.acknowledged, json.until], [200, 1, inAnHour()]);
    assert.deepEqual(await acknowledgedSeries(node.name), ['/etc/own/file-0']);
    const shown = await site.call('GET', `${url}/drift`, { headers: { 'if-none-match': etag } });
    assert.equal(shown.status, 200, 'the answer is another one now');
    assert.equal(shown.json.drift.length, 2);
    assert.deepEqual(
      shown.json.drift.map(({ acknowledged }: { acknowledged: unknown }) => acknowledged),
      [
        {
          at: new Date(site.now).toISOString(),
          who: 'configured-operator',
          reason: 'CHG-1',
          until: inAnHour(),
        },
        null,
      ],
    );
    site.now += hour;
    assert.deepEqual(await acknowledgedSeries(node.name), []);
    const later = await site.call('GET', `${url}/drift`, {
      headers: { 'if-none-match': String(shown.headers['etag']) },
    });
    assert.equal(later.status, 200);
    assert.equal(later.json.drift[0].acknowledged, null);
  });

  it('take an acknowledgement back', async () => {
    const { node, url } = await drifting();
    const body = { until: inAnHour(), reason: 'CHG-1' };
    assert.equal((await site.call('POST', `${url}/drift/acknowledge`, { body })).json.acknowledged, 2);
    const back = await site.call('POST', `${url}/drift/unacknowledge`);
    assert.deepEqual([back.status, back.json.unacknowledged], [200, 2]);
    assert.deepEqual(await acknowledgedSeries(node.name), []);
  });

  it('refuse acknowledgements without a time, a reason, or a sensible one of either', async () => {
    const { url } = await drifting();
    const until = inAnHour();
    const bodies = [
      {},
      { until },
      { reason: 'x' },
      { until, reason: '' },
      { until: 'tomorrow', reason: 'x' },
      { until: '2026-02-31T25:00:00Z', reason: 'x' },
      { until: new Date(site.now).toISOString(), reason: 'x' },
      { until: '2099-01-01T00:00:00Z', reason: 'x' },
      { until, reason: 'x', paths: [] },
      { until, reason: 'x', drifts: [0] },
      { until, reason: 'x', drifts: ['1'] },
      { until, reason: 'x', path: '/etc' },
    ];
    for (const body of bodies) {
      const { status, json } = await site.call('POST', `${url}/drift/acknowledge`, { body });
      assert.deepEqual([status, json.code], [400, 'bad-request'], JSON.stringify(body));
    }
  });

  it('accept drifts by their numbers, and none that does not stand', async () => {
    const { url } = await drifting();
    const { json } = await site.call('GET', `${url}/drift`);
    const id = json.drift[0].id as number;
    const accepted = await site.call('POST', `${url}/baseline`, { body: { drifts: [id], reason: 'CHG-2' } });
    assert.deepEqual([accepted.status, accepted.json.accepted, accepted.json.remaining], [200, 1, 1]);
    const audit = await site.call('GET', '/api/v1/audit?limit=1');
    assert.equal(audit.json.audit[0].details.drifts, String(id));
    const again = await site.call('POST', `${url}/baseline`, { body: { drifts: [id] } });
    assert.deepEqual([again.status, again.json.code], [412, 'node-moved-on']);
  });

  it('take as many numbers as they say, whatever their length', async () => {
    const { url } = await drifting();
    const body = { drifts: Array.from({ length: 10_000 }, (_, i) => 9_000_000_000 + i), reason: 'CHG-3' };
    const refused = await site.call('POST', `${url}/baseline`, { body });
    assert.deepEqual([refused.status, refused.json.code], [412, 'node-moved-on']);
  });

  it('undo an acceptance, and find what it had ended as it was', async () => {
    const { url } = await drifting();
    const before = (await site.call('GET', `${url}/drift`)).json.drift;
    site.now += hour;
    await site.call('POST', `${url}/baseline`);
    const undone = await site.call('POST', `${url}/baseline/undo`, { body: { reason: 'wrong node' } });
    assert.deepEqual([undone.status, undone.json.remaining, undone.json.baseline.restoredFrom], [200, 2, 1]);
    assert.deepEqual((await site.call('GET', `${url}/drift`)).json.drift, before);
    assert.equal((await site.call('GET', '/api/v1/audit?limit=1')).json.audit[0].action, 'undo');
    const { status, json } = await site.call('POST', `${url}/baseline/undo`);
    assert.deepEqual([status, json.code], [404, 'not-found']);
  });

  it('review a node that drifts or not, and show when that was', async () => {
    const { node, url } = await drifting();
    assert.equal((await site.call('POST', `${url}/review`)).status, 400);
    const etag = String((await site.call('GET', `${url}/drift`)).headers['etag']);
    const { status, json } = await site.call('POST', `${url}/review`, { headers: { 'if-match': etag } });
    assert.deepEqual([status, json.reviewedAt], [200, new Date(site.now).toISOString()]);
    const shown = (await site.call('GET', url)).json;
    assert.deepEqual(
      [shown.reviewed, shown.reviewedBy, shown.baseline.reviewed],
      [true, 'configured-operator', false],
    );
    const { text } = await site.call('GET', '/metrics');
    assert.ok(
      text.includes(`holdfast_node_reviewed_timestamp_seconds{node="${node.name}"} ${site.now / 1000}`),
    );
    assert.ok(text.includes(`holdfast_node_baseline_reviewed{node="${node.name}"} 1`));
  });

  it('are not for agents, and not for strangers', async () => {
    const { url } = await drifting();
    for (const path of ['/drift/acknowledge', '/drift/unacknowledge', '/review', '/baseline/undo']) {
      for (const [token, status] of [
        [agentToken, 403],
        [null, 401],
      ] as const)
        assert.equal((await site.call('POST', `${url}${path}`, { token, body: {} })).status, status, path);
      const nobody = await site.call('POST', `/api/v1/nodes/nobody${path}`, {
        headers: { 'if-match': '"x"' },
        body: path === '/drift/acknowledge' ? { until: inAnHour(), reason: 'x' } : {},
      });
      assert.deepEqual([nobody.status, nobody.json.code], [404, 'node-unknown'], path);
    }
  });
});

describe('routes of windows', () => {
  let site: CollectorApp;
  before(async () => {
    site = await CollectorApp.open();
  });
  after(() => site[Symbol.asyncDispose]());

  const asked = () => ({
    nodes: ['node-*'],
    paths: ['/etc/own'],
    until: new Date(site.now + hour).toISOString(),
    reason: 'CHG-9',
  });

  it('open one, mark what it expects, show it, and close it early', async () => {
    const [node] = syntheticFleet({ nodes: 1, entries: 50, own: 10 });
    await site.taken(node!, node!.first());
    const opened = await site.call('POST', '/api/v1/windows', { body: asked() });
    assert.deepEqual([opened.status, opened.json.open, opened.json.accept], [201, true, false]);
    await site.taken(node!, node!.difference([node!.change(0, 'changed')]));
    const drift = (await site.call('GET', '/api/v1/nodes/node-0/drift')).json.drift;
    assert.equal(drift[0].expected, opened.json.window);
    const metrics = async () => (await site.call('GET', '/metrics')).text;
    assert.match(await metrics(), /^holdfast_drift_expected\{node="node-0",path="\/etc\/own\/file-0"\} 1$/m);
    assert.match(await metrics(), /^holdfast_change_windows_open 1$/m);
    const closed = await site.call('DELETE', `/api/v1/windows/${opened.json.window}`);
    assert.deepEqual(
      [closed.status, closed.json.open, closed.json.closedBy],
      [200, false, 'configured-operator'],
    );
    assert.match(await metrics(), /^holdfast_change_windows_open 0$/m);
    const { json } = await site.call('GET', '/api/v1/windows');
    assert.deepEqual(json.windows, [closed.json]);
    const audit = await site.call('GET', '/api/v1/audit?limit=2');
    assert.deepEqual(
      audit.json.audit.map(({ action }: { action: string }) => action),
      ['close-window', 'open-window'],
    );
    assert.equal((await site.call('DELETE', '/api/v1/windows/99')).status, 404);
  });

  it('refuse windows that are about nothing, or for ever, and callers who may not', async () => {
    for (const body of [
      {},
      { ...asked(), nodes: [] },
      { ...asked(), nodes: ['a/b'] },
      { ...asked(), nodes: ['{a'] },
      { ...asked(), paths: ['etc'] },
      { ...asked(), reason: '' },
      { ...asked(), until: new Date(site.now).toISOString() },
      { ...asked(), until: new Date(site.now + 32 * 24 * hour).toISOString() },
      { ...asked(), from: '2026-01-01T00:00:00Z' },
    ]) {
      const { status, json } = await site.call('POST', '/api/v1/windows', { body });
      assert.deepEqual([status, json.code], [400, 'bad-request'], JSON.stringify(body));
    }
    const attempt = { token: agentToken, body: asked() };
    assert.equal((await site.call('POST', '/api/v1/windows', attempt)).status, 403);
  });
});
