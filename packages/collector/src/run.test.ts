import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { agentToken, operatorToken } from '../../../test/harness/process.ts';
import { syntheticFleet } from '../../../test/harness/synthetic-fleet.ts';
import type { CollectorConfig } from './config.ts';
import { loadConfig } from './load-config.ts';
import { type Collector, startCollector } from './run.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

function configOf(environment: Record<string, string> = {}): CollectorConfig {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-run-'));
  directories.push(dataDir);
  return loadConfig({
    environment: {
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_OPERATOR_TOKEN: operatorToken,
      HOLDFAST_AGENT_TOKEN: agentToken,
      ...environment,
    },
    flags: {},
    configFile: null,
  });
}

const log = pino({ level: 'silent' });
const start = (config: CollectorConfig) => startCollector(config, { log, self: [process.execPath] });

function ask(collector: Collector, path: string, init: RequestInit = {}, token = operatorToken) {
  return fetch(new URL(path, collector.url), { ...init, headers: { authorization: `Bearer ${token}` } });
}

async function reported(collector: Collector): Promise<string> {
  const [node] = syntheticFleet({ nodes: 1, entries: 10, own: 2 });
  const body = JSON.stringify(node!.first());
  const answer = await ask(
    collector,
    `/api/v1/nodes/${node!.name}/reports`,
    { method: 'POST', body },
    agentToken,
  );
  assert.equal(answer.status, 200, await answer.text());
  return node!.name;
}

describe('a collector', () => {
  it('runs beside another one in the same process, and keeps its data over a restart', async () => {
    await using other = await start(configOf());
    const config = configOf();
    const first = await start(config);
    const name = await reported(first);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await using second = await start(config);
    assert.equal((await ask(second, `/api/v1/nodes/${name}`)).status, 200);
    assert.equal((await ask(other, `/api/v1/nodes/${name}`)).status, 404);
    const metrics = await (await ask(second, '/metrics')).text();
    assert.match(metrics, /^process_resident_memory_bytes /m);
  });

  it('refuses a directory that another one uses, a port that is taken, and an open address without tokens', async () => {
    const config = configOf();
    await using running = await start(config);
    await assert.rejects(start(config), /another collector/);
    const taken = configOf({ HOLDFAST_LISTEN: new URL(running.url).host });
    await assert.rejects(start(taken), /^Error: HOLDFAST_LISTEN: another process listens there.*EADDRINUSE/);
    const elsewhere = configOf({ HOLDFAST_LISTEN: '192.0.2.1:9477' });
    await assert.rejects(start(elsewhere), /^Error: HOLDFAST_LISTEN: this machine does not have/);
    // What a failed start had opened is closed again.
    await (await start({ ...taken, listen: { host: '127.0.0.1', port: 0 } }))[Symbol.asyncDispose]();
    const open = configOf({
      HOLDFAST_LISTEN: '0.0.0.0:0',
      HOLDFAST_OPERATOR_TOKEN: '',
      HOLDFAST_AGENT_TOKEN: '',
    });
    await assert.rejects(start(open), /HOLDFAST_LISTEN: others can reach this address/);
    const kubernetes = { HOLDFAST_LISTEN: '0.0.0.0:0', HOLDFAST_KUBERNETES_AUTH: 'token-review' };
    const known = configOf({ ...kubernetes, HOLDFAST_OPERATOR_TOKEN: '', HOLDFAST_AGENT_TOKEN: '' });
    await (await start(known))[Symbol.asyncDispose]();
  });

  it('stops at once although a poll waits and connections are kept alive', async () => {
    const collector = await start(configOf());
    const name = await reported(collector);
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      get(new URL('/healthz', collector.url), { agent }, (response) => {
        response.resume().on('end', () => resolve());
      }).on('error', reject);
    });
    const poll = ask(collector, `/api/v1/nodes/${name}/commands`, {}, agentToken);
    await sleep(100);
    const startedAt = performance.now();
    await collector[Symbol.asyncDispose]();
    assert.equal((await poll).status, 204);
    assert.ok(performance.now() - startedAt < 3000);
    agent.destroy();
    await assert.rejects(ask(collector, '/healthz'));
  });

  it('lets go of a poll whose caller has gone', async () => {
    await using collector = await start(configOf());
    const name = await reported(collector);
    const gone = new AbortController();
    const poll = ask(collector, `/api/v1/nodes/${name}/commands`, { signal: gone.signal }, agentToken);
    await sleep(100);
    gone.abort();
    await assert.rejects(poll);
    const rescan = await ask(collector, `/api/v1/nodes/${name}/rescan`, { method: 'POST' });
    assert.equal(rescan.status, 202);
    const next = await ask(collector, `/api/v1/nodes/${name}/commands`, {}, agentToken);
    assert.equal(next.status, 200);
  });
});
