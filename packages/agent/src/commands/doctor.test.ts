import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkAide } from './doctor/aide.ts';
import { judgeClock, judgeToken } from './doctor/collector.ts';
import { checkRunningAgent, judgeHealth } from './doctor/running-agent.ts';
import { judgeWatchFailure, judgeWatchLimit } from './doctor/watch-limits.ts';
import { needTool } from '../../../../test/need.ts';
import { testAgent } from './test-agent.ts';

const needsAide = needTool('aide', 'apt-get install -y aide');

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers as a collector does that knows one token. */
const collector: RequestListener = (request, response) => {
  if (request.url === '/readyz') return response.writeHead(200).end();
  const isReport = request.method === 'POST' && request.url === '/api/v1/nodes/worker-1/reports';
  const isKnown = request.headers.authorization === 'Bearer good';
  return response.writeHead(isReport ? (isKnown ? 400 : 401) : 404).end();
};

test('a host that lacks nothing passes, line by line', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout, stderr } = await agent.run(['doctor'], {
    HOLDFAST_COLLECTOR_URL: await serve(t, collector),
    HOLDFAST_TOKEN: 'good',
  });
  assert.equal(code, 0, stdout);
  assert.equal(stderr, '');
  for (const name of [
    'configuration',
    'node name',
    'state directory',
    'collector',
    'clock',
    'token',
    'scope',
    'reading',
    'inotify instances',
  ]) {
    assert.match(stdout, new RegExp(`^ok {4}${name}: `, 'm'));
  }
  for (const line of stdout.trimEnd().split('\n')) assert.match(line, /^(ok {2}|warn) {2}[^:]+: /);
});

test('a token that the collector does not know fails, with the cure', async (t) => {
  const agent = await testAgent(t);
  const tokenFile = join(agent.directory, 'token');
  const environment = { HOLDFAST_COLLECTOR_URL: await serve(t, collector), HOLDFAST_TOKEN_FILE: tokenFile };
  const missing = await agent.run(['doctor'], environment);
  assert.match(missing.stdout, /^FAIL {2}token: .* cannot be read/m);
  await writeFile(tokenFile, 'bad\n');
  const bad = await agent.run(['doctor'], environment);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^FAIL {2}token: the collector does not know it — make one: /m);
});

test('a collector that is not there, not ready, or not trusted fails', async (t) => {
  const agent = await testAgent(t);
  const away = await agent.run(['doctor'], {
    HOLDFAST_COLLECTOR_URL: 'http://127.0.0.1:1',
    HOLDFAST_TOKEN: 'x',
  });
  assert.equal(away.code, 1);
  assert.match(
    away.stdout,
    /^FAIL {2}collector: http:\/\/127\.0\.0\.1:1 cannot be reached: ECONNREFUSED — /m,
  );
  const url = await serve(t, (_, response) => response.writeHead(503).end());
  const unready = await agent.run(['doctor'], { HOLDFAST_COLLECTOR_URL: url, HOLDFAST_TOKEN: 'x' });
  assert.match(unready.stdout, /^FAIL {2}collector: .* is not ready: it answers 503/m);
  const caFile = join(agent.directory, 'ca.pem');
  await writeFile(caFile, 'no certificate');
  const untrusted = await agent.run(['doctor'], {
    HOLDFAST_COLLECTOR_URL: url,
    HOLDFAST_TOKEN: 'x',
    HOLDFAST_CA_FILE: caFile,
  });
  assert.match(untrusted.stdout, /^FAIL {2}CA file: .* it holds no PEM certificate — /m);
});

test('without a collector, doctor looks at the host alone', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout } = await agent.run(['doctor']);
  assert.equal(code, 0);
  assert.match(stdout, /^warn {2}collector: none is configured/m);
});

test('problems of the configuration and of the scope file are findings, each on its line', async (t) => {
  const agent = await testAgent(t);
  const config = await agent.run(['doctor'], { HOLDFAST_SETTLE_MS: 'x', HOLDFAST_NODE_NAME: 'A_b' });
  assert.equal(config.code, 1);
  assert.equal(config.stdout.match(/^FAIL {2}configuration: HOLDFAST_/gm)?.length, 2);
  const scope = join(agent.directory, 'bad.yaml');
  await writeFile(scope, 'version: 2\n');
  const bad = await agent.run(['doctor'], { HOLDFAST_SCOPE_FILE: scope });
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^FAIL {2}scope: .*bad\.yaml/m);
});

test('a root of the scope that is not there is told; that nothing is there fails', async (t) => {
  const agent = await testAgent(t);
  const scope = join(agent.directory, 'two.yaml');
  await writeFile(scope, `version: 1\npaths:\n  - path: ${agent.tree}\n  - path: /no/such/tree\n`);
  const partly = await agent.run(['doctor'], { HOLDFAST_SCOPE_FILE: scope });
  assert.equal(partly.code, 0);
  assert.match(partly.stdout, /^warn {2}scope: .*not there, or empty: \/no\/such\/tree/m);
  await rename(agent.tree, `${agent.tree}.away`);
  const none = await agent.run(['doctor']);
  assert.equal(none.code, 1);
  assert.match(none.stdout, /^FAIL {2}scope: nothing of the scope is there/m);
});

test('a state directory that cannot be written to fails', async (t) => {
  const agent = await testAgent(t);
  const file = join(agent.directory, 'file');
  await writeFile(file, '');
  for (const directory of [file, join(file, 'state')]) {
    const { code, stdout } = await agent.run(['doctor'], { HOLDFAST_STATE_DIR: directory });
    assert.equal(code, 1);
    assert.match(stdout, /^FAIL {2}state directory: .* cannot be written to \(E\w+\) — /m);
  }
});

test('aide is found on the search path, by its path, or not at all', { skip: needsAide }, async (t) => {
  const { directory } = await testAgent(t);
  const aide = (binary: string | null, searchPath: string) =>
    checkAide({ binary, searchPath }, AbortSignal.timeout(60_000));
  const none = await aide(null, directory);
  assert.deepEqual(
    [none.level, none.cure],
    ['warn', 'install the package `aide`, or set HOLDFAST_AIDE_BINARY=off'],
  );
  const found = await aide(null, `/no/such:${process.env['PATH']}`);
  assert.match(found.what, /^AIDE 0\.\d+.* sees what it should: acl, xattrs, caps/);
  assert.equal((await aide('off', '')).level, 'ok');
  await writeFile(join(directory, 'aide'), '#!/bin/sh\necho "AIDE 0.17.4"\n', { mode: 0o755 });
  const old = await aide(join(directory, 'aide'), '');
  assert.deepEqual([old.level, /came with 0\.18/.test(old.what)], ['FAIL', true]);
  assert.equal((await aide(join(directory, 'none'), '')).level, 'warn');
});

test('the watch limit warns before it is reached', () => {
  assert.equal(judgeWatchLimit(1000, 8192).level, 'ok');
  assert.equal(judgeWatchLimit(5000, 8192).level, 'warn');
  assert.equal(judgeWatchLimit(9000, 8192).level, 'FAIL');
  assert.match(judgeWatchLimit(9000, 8192).cure ?? '', /max_user_watches=65536/);
  assert.equal(judgeWatchLimit(1, Number.NaN).level, 'warn');
  assert.match(judgeWatchFailure('ENOSPC').cure ?? '', /max_user_watches/);
  assert.match(judgeWatchFailure('EMFILE').cure ?? '', /max_user_instances/);
});

test('a clock may differ by a minute', () => {
  const now = Date.parse('2027-01-01T00:01:00Z');
  assert.equal(judgeClock('Fri, 01 Jan 2027 00:00:00 GMT', now).level, 'ok');
  assert.match(judgeClock('Fri, 01 Jan 2027 00:00:00 GMT', now + 1000).what, /^61 s ahead of/);
  assert.match(judgeClock('Fri, 01 Jan 2027 01:00:00 GMT', now).what, /^3540 s behind/);
  assert.equal(judgeClock(null, now).level, 'warn');
});

test('what the collector answers to an empty report says what the token may do', () => {
  const levelFor = (status: number): string => judgeToken({ status, date: null }, 'n').level;
  assert.deepEqual([400, 422, 410, 401, 403, 404, 500].map(levelFor), [
    'ok',
    'ok',
    'warn',
    'FAIL',
    'FAIL',
    'FAIL',
    'FAIL',
  ]);
  assert.equal(judgeToken({ failure: 'ECONNRESET' }, 'n').level, 'FAIL');
});

test('what the running agent says of itself is shown, and AIDE that cannot be believed fails', async (t) => {
  const body = { phase: 'watching', degraded: ['aide: unknown: AIDE warned', 'outbox: full'], failing: [] };
  const url = new URL(await serve(t, (_, response) => response.end(JSON.stringify(body))));
  const listen = { host: url.hostname, port: Number(url.port) };
  const signal = AbortSignal.timeout(10_000);
  const levels = (findings: Awaited<ReturnType<typeof checkRunningAgent>>) =>
    findings.map(({ level, what }) => `${level} ${what}`);
  assert.deepEqual(levels(await checkRunningAgent(listen, signal)), [
    'FAIL aide: unknown: AIDE warned',
    'warn outbox: full',
  ]);
  assert.deepEqual(await checkRunningAgent({ ...listen, port: 0 }, signal), []);
  assert.deepEqual(levels(await checkRunningAgent({ ...listen, port: 1 }, signal)), [
    'ok none answers at 127.0.0.1:1',
  ]);
  const well = JSON.stringify({ ...body, degraded: [] });
  assert.deepEqual(levels(judgeHealth(well, 'x')), ['ok watching, at x']);
  assert.deepEqual(
    levels(judgeHealth(JSON.stringify({ ...body, failing: ['it hangs'] }), 'x'))[0],
    'FAIL it hangs',
  );
  for (const text of ['<html>', '{}', 'null', '{"phase":"x","degraded":[1],"failing":[]}']) {
    assert.equal(judgeHealth(text, 'x')[0]?.level, 'warn');
  }
});
