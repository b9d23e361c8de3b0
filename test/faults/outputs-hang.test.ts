import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '@holdfast/collector/load-config';
import { createLog } from '@holdfast/collector/log';
import { startCollector } from '@holdfast/collector/run';
import { HttpDouble } from '../harness/http-double.ts';
import { agentToken, operatorToken } from '../harness/process.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { waitFor } from '../harness/wait.ts';

test('reports are answered while Loki, webhook and Pushgateway hang, and a stop waits for none of them', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-hang-'));
  await using hanging = await HttpDouble.start();
  hanging.behave = 'silent';
  const config = loadConfig({
    environment: {
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_OPERATOR_TOKEN: operatorToken,
      HOLDFAST_AGENT_TOKEN: agentToken,
      HOLDFAST_LOKI_URL: hanging.url.href,
      HOLDFAST_WEBHOOK_URL: hanging.url.href,
      HOLDFAST_PUSHGATEWAY_URL: hanging.url.href,
    },
    flags: {},
    configFile: null,
  });
  const log = createLog('silent', process.stdout);
  const collector = await startCollector(config, { log, self: [process.execPath] });
  const fleet = syntheticFleet({ nodes: 20, entries: 50, own: 2 });
  const took: number[] = [];
  const report = async (name: string, body: object) => {
    const started = performance.now();
    const answer = await fetch(new URL(`/api/v1/nodes/${name}/reports`, collector.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${agentToken}` },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, await answer.text());
    took.push(performance.now() - started);
  };
  for (const node of fleet) await report(node.name, node.first());
  await waitFor('a request that hangs', () => hanging.asked > 0);
  took.length = 0;
  for (const node of fleet) await report(node.name, node.heartbeat());
  assert.ok(Math.max(...took) < 2000, `the slowest took ${Math.max(...took)} ms`);
  assert.equal(hanging.taken.length, 0);
  const stopping = performance.now();
  await collector[Symbol.asyncDispose]();
  assert.ok(performance.now() - stopping < 5000);
  await rm(dataDir, { recursive: true });
});
