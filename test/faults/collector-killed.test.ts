import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, closeConnections, untilReady } from '../harness/api.ts';
import { type CollectorProcess, freePort, startCollectorProcess } from '../harness/process.ts';
import { SyntheticAgent } from '../harness/synthetic-agent.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { waitFor } from '../harness/wait.ts';

const kills = 50;
const nodeCount = 12;

after(closeConnections);

test(`a collector that is killed ${kills} times under load loses nothing that it acknowledged`, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-kill-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const agents = syntheticFleet({ nodes: nodeCount, entries: 300, own: 30 }).map(
    (node) => new SyntheticAgent(url, node),
  );
  let collector: CollectorProcess | null = null;
  try {
    for (let round = 0; round < kills; round++) {
      collector = startCollectorProcess(dataDir, port);
      await untilReady(url);
      await checkNothingLost(url, agents);
      const stop = new AbortController();
      const before = acknowledged;
      const load = agents.map((agent, i) => changeUntilStopped(agent, `${round} ${i}`, stop.signal));
      // On a busy machine the time alone would hit hardly more than the first words of each agent.
      if (round % 2 === 1) await waitFor('three reports more', () => acknowledged >= before + 3);
      await sleep(20 + Math.random() * 150);
      collector.kill('SIGKILL');
      await collector.ended;
      stop.abort();
      await Promise.all(load);
    }
    collector = startCollectorProcess(dataDir, port);
    await untilReady(url);
    await checkNothingLost(url, agents);
    await Promise.all(agents.map((agent) => agent.converge()));
    for (const { node } of agents) assert.equal(await observedOf(url, node.name), node.digest);
    assert.ok(acknowledged > kills, `the load was real: ${acknowledged} reports were acknowledged`);
  } finally {
    await collector?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
});

let acknowledged = 0;

/** Changes one file after the other and reports each, until the collector stops answering. */
async function changeUntilStopped(agent: SyntheticAgent, label: string, signal: AbortSignal): Promise<void> {
  try {
    await agent.converge();
    for (let i = 0; !signal.aborted; i++) {
      const entry = agent.node.change(i % 30, `${label} ${i}`);
      const reply = await agent.send(agent.node.difference([entry]));
      assert.equal(reply.status, 200, reply.text);
      acknowledged += 1;
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    // The collector is gone, as intended.
  }
}

/** What a node has in the store is what was last acknowledged, or the one report that was under way. */
async function checkNothingLost(url: string, agents: readonly SyntheticAgent[]): Promise<void> {
  for (const { node, inFlight } of agents) {
    if (node.base === null) continue;
    const observed = await observedOf(url, node.name);
    assert.ok(
      observed === node.base || observed === inFlight,
      `${node.name} holds ${observed}, was told ${node.base}`,
    );
  }
}

async function observedOf(url: string, node: string): Promise<string | null> {
  const reply = await call<{ observed: string | null }>(url, `/api/v1/nodes/${node}`);
  assert.equal(reply.status, 200, reply.text);
  return reply.body.observed;
}
