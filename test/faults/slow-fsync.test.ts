import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { closeConnections, untilReady } from '../harness/api.ts';
import { freePort, startCollectorProcess } from '../harness/process.ts';
import { compileShim } from '../harness/shim.ts';
import { SyntheticAgent } from '../harness/synthetic-agent.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { needTool } from '../need.ts';

after(closeConnections);

test('with an fsync of 20 ms, many reports share one', {
  skip: needTool('cc', 'apt-get install -y gcc libc6-dev'),
}, async () => {
  using shim = compileShim();
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-fsync-'));
  const fsyncLog = join(directory, 'fsyncs');
  const fsyncs = async () => (await stat(fsyncLog)).size;
  const port = await freePort();
  const collector = startCollectorProcess(join(directory, 'data'), port, {
    LD_PRELOAD: shim.path,
    FAULT_FSYNC_MS: '20',
    FAULT_FSYNC_LOG: fsyncLog,
  });
  try {
    await untilReady(collector.url);
    const fleet = syntheticFleet({ nodes: 60, entries: 200, own: 20 });
    const agents = fleet.map((node) => new SyntheticAgent(collector.url, node));
    await Promise.all(agents.map((agent) => agent.converge()));

    const before = await fsyncs();
    const rounds = 5;
    for (let round = 0; round < rounds; round++) {
      const replies = agents.map((agent) =>
        agent.send(agent.node.difference([agent.node.change(0, `round ${round}`)])),
      );
      for (const reply of await Promise.all(replies)) assert.equal(reply.status, 200, reply.text);
    }
    const used = (await fsyncs()) - before;
    const reports = rounds * agents.length;
    assert.ok(used >= rounds, `each round was made durable: ${used} fsyncs`);
    assert.ok(used <= reports / 4, `${reports} durable reports took ${used} fsyncs`);
  } finally {
    await collector[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
});
