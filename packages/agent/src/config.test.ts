import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OptionsError } from '@holdfast/shared/options';
import { type AgentConfig, type Purpose, readConfig } from './config.ts';

const url = 'https://collector:9477';

interface Settings {
  readonly flags?: Record<string, unknown>;
  readonly hostname?: string;
  readonly purpose?: Purpose;
}

async function read(
  environment: Record<string, string>,
  { flags = {}, hostname = 'Worker-1.example', purpose = 'run' }: Settings = {},
): Promise<AgentConfig> {
  return await readConfig({ flags, environment, hostname }, purpose);
}

async function problemsOf(...args: Parameters<typeof read>): Promise<readonly string[]> {
  try {
    await read(...args);
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

test('with a collector and a token, everything else has a default', async () => {
  const config = await read({ HOLDFAST_COLLECTOR_URL: url, HOLDFAST_TOKEN: 't' });
  assert.equal(config.nodeName, 'worker-1.example');
  assert.equal(config.collector?.url.origin, url);
  assert.deepEqual(config.collector?.token, { value: 't' });
  assert.match(config.fullScanCron, /^\d+ \d+ \* \* \*$/);
  assert.deepEqual(config.warnings, []);
});

test('every problem is told at once, and no secret with it', async () => {
  const problems = await problemsOf({
    HOLDFAST_COLLECTOR_URL: 'ftp://x',
    HOLDFAST_NODE_NAME: 'Not_a_name',
    HOLDFAST_HEARTBEAT_SECONDS: '0',
    HOLDFAST_FULL_SCAN_CRON: 'sometimes',
    HOLDFAST_STATE_DIR: 'relative',
    HOLDFAST_TOKEN: 'hf_agent_secret',
    HOLDFAST_TOKEN_FILE: '/token',
    HOLDFAST_HEARTBEAT_SECS: '5',
  });
  const names = problems.map((problem) => problem.split(':', 1)[0]);
  for (const name of [
    'HOLDFAST_COLLECTOR_URL',
    'HOLDFAST_NODE_NAME',
    'HOLDFAST_HEARTBEAT_SECONDS',
    'HOLDFAST_FULL_SCAN_CRON',
    'HOLDFAST_STATE_DIR',
    'HOLDFAST_TOKEN_FILE',
    'HOLDFAST_HEARTBEAT_SECS',
  ]) {
    assert.ok(names.includes(name), `${name} is missing in:\n${problems.join('\n')}`);
  }
  assert.doesNotMatch(problems.join('\n'), /hf_agent_secret/);
});

test('run needs a collector and a token; the offline commands need neither', async () => {
  assert.deepEqual(await problemsOf({}), [
    'HOLDFAST_COLLECTOR_URL: is needed',
    'HOLDFAST_TOKEN_FILE: is needed, or HOLDFAST_TOKEN',
  ]);
  assert.equal((await read({}, { purpose: 'look' })).collector, null);
});

test('an address that cannot be one is told as that, and not as missing too', async () => {
  assert.deepEqual(await problemsOf({ HOLDFAST_COLLECTOR_URL: 'ftp://collector', HOLDFAST_TOKEN: 't' }), [
    'HOLDFAST_COLLECTOR_URL: must begin with http:// or https:// (got "ftp://collector")',
  ]);
});

test('a host whose name cannot be a node name must be given one before it can report', async () => {
  const reach = { HOLDFAST_COLLECTOR_URL: url, HOLDFAST_TOKEN: 't' };
  const [problem] = await problemsOf(reach, { hostname: 'my_host' });
  assert.match(problem ?? '', /^HOLDFAST_NODE_NAME: is needed, because .* \(got "my_host"\)$/);
  const named = await read({ ...reach, HOLDFAST_NODE_NAME: 'n' }, { hostname: 'my_host' });
  assert.equal(named.nodeName, 'n');
  assert.deepEqual(await problemsOf({}, { hostname: 'my_host', purpose: 'look' }), []);
});

test('variables that Kubernetes injects for a service named holdfast are no problem', async () => {
  const links = {
    HOLDFAST_COLLECTOR_SERVICE_HOST: '10.0.0.1',
    HOLDFAST_COLLECTOR_SERVICE_PORT: '9477',
    HOLDFAST_COLLECTOR_PORT: 'tcp://10.0.0.1:9477',
    HOLDFAST_COLLECTOR_PORT_9477_TCP_ADDR: '10.0.0.1',
  };
  assert.deepEqual(await problemsOf(links, { purpose: 'look' }), []);
});

test('a token over plain http to another machine is warned of', async () => {
  const warningsFor = async (collector: string): Promise<readonly string[]> =>
    (await read({ HOLDFAST_COLLECTOR_URL: collector, HOLDFAST_TOKEN: 't' })).warnings;
  assert.equal((await warningsFor('http://10.0.0.1:9477')).length, 1);
  for (const loopback of ['http://127.0.0.1:9477', 'http://localhost:9477', 'http://[::1]:9477']) {
    assert.deepEqual(await warningsFor(loopback), [], loopback);
  }
});

test('flags win over the environment, and that over the file', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-config-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const config = join(directory, 'agent.yaml');
  await writeFile(config, 'nodeName: from-file\nsettleMs: 1\nmaxFileMib: 7\n');
  const read1 = await read(
    { HOLDFAST_NODE_NAME: 'from-env', HOLDFAST_SETTLE_MS: '2' },
    { flags: { config, nodeName: 'from-flag' }, purpose: 'look' },
  );
  assert.deepEqual([read1.nodeName, read1.settleMs, read1.maxFileMib], ['from-flag', 2, 7]);
  await writeFile(config, 'nodename: x\nsettleMs: [1\n');
  assert.match((await problemsOf({}, { flags: { config } })).join(), /agent\.yaml/);
  await rm(config);
  assert.match((await problemsOf({}, { flags: { config } })).join(), /--config: cannot be read: ENOENT/);
});
