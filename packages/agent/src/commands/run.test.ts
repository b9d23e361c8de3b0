import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { agentCommand } from '../../../../test/harness/process.ts';
import { readConfig } from '../config.ts';
import { type Agent, startAgent } from '../run.ts';
import { type TestAgent, testAgent } from './test-agent.ts';

/** A collector that never gets over its start. */
const unavailable: RequestListener = (_, response) => response.writeHead(503, { 'retry-after': '1' }).end();

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function startProcess(agent: TestAgent, url: string): ChildProcess {
  return agent.spawn([...agentCommand, 'run'], {
    env: { ...agent.environment, HOLDFAST_COLLECTOR_URL: url, HOLDFAST_TOKEN: 'secret-token' },
  });
}

/** Follows the process's log from now on. */
function follow(child: ChildProcess): { until(message: string): Promise<void> } {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return {
    async until(message) {
      for (let i = 0; i < 1500; i++) {
        assert.doesNotMatch(text, /secret-token/);
        if (text.includes(`"msg":"${message}"`)) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`the agent did not say "${message}" within 30 s:\n${text}`);
    },
  };
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; afterMs: number }> {
  const since = performance.now();
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, afterMs: performance.now() - since };
}

async function startHere(agent: TestAgent, url: string, more: Record<string, string> = {}): Promise<Agent> {
  const environment = {
    ...agent.environment,
    HOLDFAST_COLLECTOR_URL: url,
    HOLDFAST_TOKEN: 'x',
    ...more,
  };
  const config = await readConfig({ flags: {}, environment, hostname: 'worker-1' }, 'run');
  return await startAgent(config, pino({ level: 'silent' }));
}

async function untilOk(url: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if ((await fetch(url)).ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${url} was not ready within 10 s`);
}

test('SIGTERM ends run within seconds with exit 0, also while the collector does not answer', async (t) => {
  const agent = await testAgent(t);
  const child = startProcess(agent, await serve(t, () => {}));
  await follow(child).until('the first full scan has ended');
  child.kill('SIGTERM');
  const { code, afterMs } = await exitOf(child);
  assert.equal(code, 0);
  assert.ok(afterMs < 10_000, `${afterMs} ms`);
});

test('a second signal ends run at once, with the exit code that shells expect', async (t) => {
  const agent = await testAgent(t);
  const child = startProcess(agent, await serve(t, () => {}));
  const log = follow(child);
  await log.until('the first full scan has ended');
  child.kill('SIGINT');
  await log.until('stopping');
  child.kill('SIGINT');
  const { code, afterMs } = await exitOf(child);
  assert.equal(code, 130);
  assert.ok(afterMs < 2000, `${afterMs} ms`);
});

test('run without a collector or a token says what is missing', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout, stderr } = await agent.run(['run']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /HOLDFAST_COLLECTOR_URL: is needed/);
  assert.match(stderr, /HOLDFAST_TOKEN_FILE: is needed, or HOLDFAST_TOKEN/);
});

test('an agent whose collector is away is alive and ready, and says what is wrong', async (t) => {
  const agent = await testAgent(t);
  await using running = await startHere(agent, await serve(t, unavailable));
  const page = `http://127.0.0.1:${running.healthPort}`;
  assert.equal((await fetch(`${page}/healthz`)).status, 200);
  await untilOk(`${page}/readyz`);
  const metrics = await (await fetch(`${page}/metrics`)).text();
  assert.match(metrics, /^holdfast_agent_entries 3$/m);
  assert.match(metrics, /^holdfast_agent_hash_bytes_total \d+$/m);
  for (let i = 0; i < 100; i++) {
    const health = (await (await fetch(`${page}/healthz`)).json()) as { status: string; degraded: string[] };
    if (health.status === 'degraded') {
      assert.match(health.degraded.join(), /^reports: .*503/);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('the failed reports were never shown');
});

test('a second agent on the same state directory is refused, and the first goes on', async (t) => {
  const agent = await testAgent(t);
  const url = await serve(t, unavailable);
  await using first = await startHere(agent, url);
  await assert.rejects(startHere(agent, url), /another agent uses the state directory/);
  assert.equal((await fetch(`http://127.0.0.1:${first.healthPort}/healthz`)).status, 200);
});

test('two agents run in one process, and each can be started again after it was stopped', async (t) => {
  const agent = await testAgent(t);
  const url = await serve(t, unavailable);
  const other = { HOLDFAST_STATE_DIR: join(agent.directory, 'state-2'), HOLDFAST_NODE_NAME: 'worker-2' };
  await using second = await startHere(agent, url, other);
  for (let i = 0; i < 2; i++) {
    await using first = await startHere(agent, url);
    await untilOk(`http://127.0.0.1:${first.healthPort}/readyz`);
  }
  await untilOk(`http://127.0.0.1:${second.healthPort}/readyz`);
});

test('a scope, a CA file or a state directory that cannot be used stops run before it looks', async (t) => {
  const agent = await testAgent(t);
  const file = join(agent.directory, 'file');
  await writeFile(file, 'version: 3\n');
  for (const more of [
    { HOLDFAST_SCOPE_FILE: file },
    { HOLDFAST_CA_FILE: '/no/such' },
    { HOLDFAST_STATE_DIR: join(file, 'x') },
    { HOLDFAST_TOKEN: 'two words' },
  ]) {
    const { code, stderr } = await agent.run(['run'], {
      HOLDFAST_COLLECTOR_URL: 'https://127.0.0.1:1',
      HOLDFAST_TOKEN: 'x',
      ...more,
    });
    assert.equal(code, 1);
    assert.match(stderr, /^holdfast-agent: /);
    assert.doesNotMatch(stderr, /^ +at /m);
  }
});
