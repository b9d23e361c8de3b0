/** What a kill at any one point leaves is tried in packages/collector/src/acceptance-killed.test.ts. Here processes are killed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSqliteStore } from '@holdfast/collector/store/sqlite-store';
import { call, closeConnections, untilReady } from '../harness/api.ts';
import { freePort, startCollectorProcess } from '../harness/process.ts';
import { SyntheticAgent } from '../harness/synthetic-agent.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { waitFor } from '../harness/wait.ts';

const nodeCount = 40;
const changesPerNode = 80;

after(closeConnections);

interface ApiJob {
  readonly job: number;
  readonly endedAt: string | null;
  readonly nodes: { readonly pending: number; readonly accepted: number; readonly refused: number };
}

test('an acceptance on many nodes goes on after a kill -9, and accepts on each node exactly once', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-accept-kill-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let collector = startCollectorProcess(dataDir, port);
  const kill = async () => {
    collector.kill('SIGKILL');
    await collector.ended;
  };
  const jobOf = async (id: number) => (await call<ApiJob>(url, `/api/v1/jobs/${id}`)).body;
  try {
    await untilReady(url);
    const fleet = syntheticFleet({ nodes: nodeCount, entries: 300, own: 10 });
    await Promise.all(
      fleet.map(async (node) => {
        const agent = new SyntheticAgent(url, node);
        await agent.converge();
        const upgrade = Array.from({ length: changesPerNode }, (_, i) => node.change(100 + i, 'upgrade'));
        assert.equal((await agent.send(node.difference(upgrade))).status, 200);
      }),
    );
    const view = await call<{ drift: { row: string; nodes: number }[] }>(url, '/api/v1/drift');
    assert.deepEqual([view.body.drift.length, view.body.drift[0]?.nodes], [1, nodeCount]);
    const body = { row: view.body.drift[0]!.row, reason: 'upgrade' };
    const accepted = await call<ApiJob>(url, '/api/v1/drift/accept', { method: 'POST', body });
    assert.equal(accepted.status, 202);
    const { job } = accepted.body;
    // At once: what was answered 202 is carried out, however little of it was begun.
    await kill();
    collector = startCollectorProcess(dataDir, port);
    await untilReady(url);
    await waitFor('the job to end', async () => (await jobOf(job)).endedAt !== null);
    assert.deepEqual((await jobOf(job)).nodes, { pending: 0, accepted: nodeCount, refused: 0 });
    assert.deepEqual((await call<{ drift: unknown[] }>(url, '/api/v1/drift')).body.drift, []);
    await kill();

    await using store = await openSqliteStore({ dataDir });
    for (const { state } of await store.nodes()) {
      assert.deepEqual([state.name, state.baseline?.sequence], [state.name, 2]);
      assert.equal(state.baseline?.manifest, state.observed);
    }
    const audit = (await store.audit(null, 1000)).filter(({ action }) => action === 'accept');
    assert.equal(new Set(audit.map(({ node }) => node)).size, nodeCount);
    assert.equal(audit.length, nodeCount);
    assert.equal((await store.verifyAudit(null)).problem, null);
  } finally {
    await collector[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
});
