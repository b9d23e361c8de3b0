/** The database is overwritten under a collector that runs: it says so, takes nothing, and is not ready any more. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, closeConnections, untilReady } from '../harness/api.ts';
import { agentToken, freePort, startCollectorProcess } from '../harness/process.ts';
import { type SyntheticNode, syntheticFleet } from '../harness/synthetic-fleet.ts';

after(closeConnections);

test('a database that is damaged while the collector runs is answered 503, and not ready, until a restart', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-damage-'));
  try {
    const port = await freePort();
    const first = startCollectorProcess(directory, port);
    await untilReady(first.url);
    const nodes = syntheticFleet({ nodes: 20, entries: 2000, own: 200 });
    const send = async (url: string, node: SyntheticNode, report: object) =>
      call<{ code?: string; observed: string }>(url, `/api/v1/nodes/${node.name}/reports`, {
        method: 'POST',
        token: agentToken,
        body: report,
      });
    for (const node of nodes) node.base = (await send(first.url, node, node.first())).body.observed;
    first.kill('SIGTERM');
    await first.ended;

    await using collector = startCollectorProcess(directory, port);
    await untilReady(collector.url);
    const file = await open(join(directory, 'holdfast.db'), 'r+');
    const { size } = await stat(join(directory, 'holdfast.db'));
    await file.write(Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
    await file.close();
    const answers = [];
    for (const node of nodes) {
      const reply = await send(collector.url, node, node.difference([node.change(1, 'changed')]));
      answers.push(`${reply.status} ${reply.body.code}`);
    }
    assert.ok(answers.includes('503 storage-unavailable'), answers.join());
    assert.ok(!answers.some((answer) => answer.startsWith('500')), answers.join());
    const ready = await call<{ detail: string }>(collector.url, '/readyz');
    assert.equal(ready.status, 503);
    assert.match(ready.body.detail, /damaged/);
    assert.equal((await call(collector.url, '/healthz')).status, 200);
    assert.match(collector.output(), /the database is damaged: .*holdfast-collector restore/);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
