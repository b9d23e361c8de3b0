import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { maxPartChanges } from '#core/accept-row';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { agentToken } from '../../../../test/harness/process.ts';
import { type SyntheticNode, syntheticFleet } from '../../../../test/harness/synthetic-fleet.ts';
import { waitFor } from '../../../../test/harness/wait.ts';

interface ApiRow {
  readonly row: string;
  readonly nodes: number;
  readonly changes: number;
  readonly onNodes: readonly string[];
  readonly drift: readonly { readonly path: string }[];
}

describe('the fleet view', () => {
  let site: CollectorApp;
  let nodes: SyntheticNode[];
  beforeEach(async () => {
    site = await CollectorApp.open();
    nodes = syntheticFleet({ nodes: 5, entries: 50, own: 10 });
    for (const node of nodes) {
      await site.taken(node, node.first());
      // The same files everywhere, which the first baseline does not have yet.
      await site.taken(node, node.difference([node.change(20, 'upgrade'), node.change(21, 'upgrade')]));
    }
  });
  afterEach(() => site[Symbol.asyncDispose]());

  async function rows(): Promise<ApiRow[]> {
    const { status, json } = await site.call('GET', '/api/v1/drift');
    assert.equal(status, 200);
    assert.equal(json.rows, json.drift.length);
    return json.drift;
  }

  async function accept(row: string) {
    const { status, json, headers } = await site.call('POST', '/api/v1/drift/accept', {
      body: { row, reason: 'CHG-1' },
    });
    assert.equal(status, 202);
    assert.equal(headers['location'], `/api/v1/jobs/${json.job}`);
    let job = json;
    await waitFor('the job to end', async () => {
      job = (await site.call('GET', `/api/v1/jobs/${json.job}`)).json;
      return job.endedAt !== null;
    });
    return job;
  }

  const statusOf = async (name: string) => (await site.call('GET', `/api/v1/nodes/${name}`)).json;

  it('shows the same changes on many nodes as one row, and what one has on top as another', async () => {
    await site.taken(nodes[1]!, nodes[1]!.difference([nodes[1]!.change(0, 'own')]));
    const [upgrade, own, ...more] = await rows();
    assert.deepEqual(more, []);
    assert.deepEqual([upgrade?.nodes, upgrade?.changes, own?.nodes, own?.changes], [5, 2, 1, 1]);
    assert.deepEqual(own?.onNodes, ['node-1']);
    assert.deepEqual(
      upgrade?.drift.map(({ path }) => path),
      ['/etc/own/file-20', '/etc/own/file-21'],
    );
    const { json } = await site.call('GET', `/api/v1/drift/${upgrade?.row}?limit=3`);
    assert.deepEqual([json.onNodes.length, json.next], [3, 'node-2']);
    const rest = await site.call('GET', `/api/v1/drift/${upgrade?.row}?limit=3&after=${json.next}`);
    assert.deepEqual([rest.json.onNodes, rest.json.next], [['node-3', 'node-4'], null]);
  });

  it('accepts a row on all its nodes, and nothing else on them', async () => {
    await site.taken(nodes[1]!, nodes[1]!.difference([nodes[1]!.change(0, 'own')]));
    const [upgrade] = await rows();
    const job = await accept(upgrade!.row);
    assert.deepEqual(job.nodes, { pending: 0, accepted: 5, refused: 0 });
    assert.deepEqual([job.results[0].accepted, job.results[0].baseline, job.results[0].code], [2, 2, null]);
    const [left, ...more] = await rows();
    assert.deepEqual([left?.onNodes, more], [['node-1'], []]);
    const whole = await statusOf('node-0');
    assert.deepEqual([whole.status, whole.reviewed, whole.baseline.reason], ['clean', true, 'CHG-1']);
    assert.equal(whole.observed, whole.baseline.manifest);
    const part = await statusOf('node-1');
    assert.deepEqual([part.status, part.baseline.reviewed], ['drifting', false]);
    const { json } = await site.call('GET', '/api/v1/audit?limit=6');
    assert.deepEqual(
      json.audit.map(({ action }: { action: string }) => action),
      ['accept', 'accept', 'accept', 'accept', 'accept', 'accept-row'],
    );
    assert.equal(json.audit[0].details.job, job.job);
  });

  it('refuses on the node that moved on after the row was looked at, and accepts on the others', async () => {
    const [upgrade] = await rows();
    const job = { ...(await site.store.jobs.create(await rowOf(upgrade!.row)))! };
    await site.taken(nodes[2]!, nodes[2]!.difference([nodes[2]!.change(20, 'slipped in')]));
    await site.call('POST', '/api/v1/drift/accept', { body: { row: (await rows())[0]!.row } });
    await waitFor('both jobs to end', async () => (await site.store.jobs.running()) === null);
    const { json } = await site.call('GET', `/api/v1/jobs/${job.id}`);
    const refused = json.results.filter(({ outcome }: { outcome: string }) => outcome === 'refused');
    assert.deepEqual([json.nodes.accepted + json.nodes.refused, json.nodes.pending], [5, 0]);
    assert.ok(
      refused.some(
        ({ node, code }: { node: string; code: string }) => node === 'node-2' && code === 'node-moved-on',
      ),
    );
    assert.equal((await statusOf('node-2')).status, 'drifting');
  });

  async function rowOf(id: string) {
    const row = (await site.store.fleet.view()).rows.find((each) => each.id === id)!;
    const fingerprints = row.changes.map(({ fingerprint }) => fingerprint);
    return { row: id, fingerprints, who: 'ada', reason: null, createdAt: site.now };
  }

  it('takes up at the start what was left undone, and does nothing twice', async () => {
    const [upgrade] = await rows();
    const created = await site.store.jobs.create(await rowOf(upgrade!.row));
    const again = await site.store.jobs.create(await rowOf(upgrade!.row));
    assert.equal(created?.id, again?.id, 'one job over a row at a time');
    const { json } = await site.call('POST', '/api/v1/drift/accept', { body: { row: upgrade!.row } });
    assert.equal(json.job, created?.id);
    await waitFor('the job to end', async () => (await site.store.jobs.running()) === null);
    for (const { name } of nodes) assert.equal((await statusOf(name)).baseline.sequence, 2);
    const audited = (await site.call('GET', '/api/v1/audit?limit=50')).json.audit as {
      action: string;
      details: object;
    }[];
    const { row } = upgrade!;
    const joined = { job: created?.id, row, joined: true };
    assert.deepEqual(
      audited.filter(({ action }) => action === 'accept-row').map(({ details }) => details),
      [joined, joined, { job: created?.id, row, nodes: 5, changes: 2 }],
    );
  });

  it('accepts a large row where it is all that drifts, and refuses it on a node that drifts otherwise too', async () => {
    const large = Array.from({ length: maxPartChanges }, (_, i) => 100 + i);
    for (const node of nodes)
      await site.taken(node, node.difference(large.map((i) => node.change(i, 'upgrade'))));
    await site.taken(nodes[1]!, nodes[1]!.difference([nodes[1]!.change(0, 'own')]));
    const [upgrade] = await rows();
    assert.equal(upgrade?.changes, maxPartChanges + 2);
    const job = await accept(upgrade.row);
    assert.deepEqual(job.nodes, { pending: 0, accepted: 4, refused: 1 });
    const refused = job.results.find(({ node }: { node: string }) => node === 'node-1');
    assert.match(refused.detail, /^node-1 drifts otherwise too, .* more than 1500 changes/);
    assert.deepEqual(
      [(await statusOf('node-0')).status, (await statusOf('node-1')).status],
      ['clean', 'drifting'],
    );
  });

  it('leaves deleted nodes out', async () => {
    await site.call('DELETE', '/api/v1/nodes/node-4');
    const [upgrade] = await rows();
    assert.equal(upgrade?.nodes, 4);
    assert.deepEqual((await accept(upgrade.row)).nodes, { pending: 0, accepted: 4, refused: 0 });
  });

  it('refuses rows that are not there, bodies that say something else, and callers who may not', async () => {
    for (const [body, status] of [
      [{ row: 'f'.repeat(32) }, 404],
      [{ row: 'x' }, 400],
      [{}, 400],
      [{ row: 'f'.repeat(32), all: true }, 400],
    ] as const)
      assert.equal((await site.call('POST', '/api/v1/drift/accept', { body })).status, status);
    assert.equal((await site.call('GET', `/api/v1/drift/${'f'.repeat(32)}`)).status, 404);
    assert.equal((await site.call('GET', '/api/v1/jobs/9')).status, 404);
    const [upgrade] = await rows();
    const attempt = { token: agentToken, body: { row: upgrade!.row } };
    assert.equal((await site.call('POST', '/api/v1/drift/accept', attempt)).status, 403);
    const { createdAt, hash, token } = await viewer();
    await site.store.createToken(
      { name: 'eve', role: 'viewer', node: null, createdAt, expiresAt: null },
      hash,
      {
        at: createdAt,
        who: 'test',
        action: 'token-create',
        node: null,
        reason: null,
        details: {},
      },
    );
    assert.equal((await site.call('GET', '/api/v1/drift', { token })).status, 200);
    for (const path of [
      '/api/v1/drift/accept',
      '/api/v1/nodes/node-0/baseline',
      '/api/v1/nodes/node-0/baseline/undo',
      '/api/v1/nodes/node-0/drift/acknowledge',
    ])
      assert.equal((await site.call('POST', path, { token, body: {} })).status, 403, path);
    assert.equal((await rows())[0]?.nodes, 5);
  });

  async function viewer() {
    const { formatToken, tokenHash } = await import('#core/auth');
    const token = formatToken('viewer', Buffer.alloc(32, 7));
    return { token, hash: tokenHash(token), createdAt: site.now };
  }
});
