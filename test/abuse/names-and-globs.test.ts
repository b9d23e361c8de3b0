/** What callers write into URLs, headers and globs to reach something else, or to keep the collector busy. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { formatToken, tokenHash } from '@holdfast/collector/core/auth';
import { CollectorApp } from '../harness/collector-app.ts';
import { agentToken, operatorToken } from '../harness/process.ts';
import { type SyntheticNode, syntheticFleet } from '../harness/synthetic-fleet.ts';

let app: CollectorApp;
let node: SyntheticNode;
before(async () => {
  app = await CollectorApp.open();
  node = syntheticFleet({ nodes: 1, entries: 2000, own: 50 })[0]!;
  await app.taken(node, node.first());
  for (let which = 0; which < 40; which++)
    await app.taken(node, node.difference([node.change(which, 'new')]));
});
after(() => app[Symbol.asyncDispose]());

const strangeNames = [
  '..%2f..%2fetc%2fpasswd',
  '%2fetc%2fpasswd',
  'a%00b',
  'a%0d%0aSet-Cookie:%20x',
  'a%0aaide_drift_detected%7bnode=%22x%22%7d',
  'A',
  'a_b',
  'a%20b',
  '-a',
  'a..b',
  '%ff',
  '%E2%80%8Ba',
  '__proto__',
  'constructor%27',
  'a'.repeat(64),
  `${'a.'.repeat(126)}ab`,
];

describe('a name that cannot be a node’s', () => {
  it('is refused on every route, makes no node and no file, and breaks no header and no log line', async () => {
    const files = readdirSync('.').length;
    for (const name of strangeNames) {
      for (const [method, path] of [
        ['POST', 'reports'],
        ['GET', 'drift'],
        ['GET', 'manifest'],
        ['DELETE', ''],
      ] as const) {
        const token = path === 'reports' ? agentToken : operatorToken;
        const url = `/api/v1/nodes/${name}${path === '' ? '' : `/${path}`}`;
        const reply = await app.call(method, url, { token });
        assert.ok([400, 404].includes(reply.status), `${method} ${url}: ${reply.status}`);
        assert.equal(reply.headers['set-cookie'], undefined);
      }
    }
    assert.equal((await app.call('GET', '/api/v1/nodes')).json.nodes.length, 1);
    assert.equal(readdirSync('.').length, files);
    for (const line of app.logged) {
      assert.equal(line.indexOf('\n'), line.length - 1);
      JSON.parse(line);
    }
  });

  it('does not become another node’s by a second header, parameter or body', async () => {
    const bound = formatToken('agent', Buffer.alloc(32, 7));
    await app.store.createToken(
      { name: 'bound', role: 'agent', node: 'elsewhere', createdAt: 1, expiresAt: null },
      tokenHash(bound),
      { at: 1, who: 'test', action: 'token-create', node: null, reason: null, details: {} },
    );
    const headers = {
      'x-original-url': '/api/v1/nodes/elsewhere/reports',
      'x-forwarded-for': '127.0.0.1',
      'x-http-method-override': 'GET',
      host: 'elsewhere',
    };
    for (const url of [
      `/api/v1/nodes/${node.name}/reports`,
      `/api/v1/nodes/${node.name}/reports?node=elsewhere`,
      `/api/v1/nodes/${node.name}/reports;node=elsewhere`,
      `/api/v1/nodes/elsewhere/../${node.name}/reports`,
    ]) {
      const reply = await app.call('POST', url, { token: bound, headers, body: node.heartbeat() });
      assert.ok([403, 404].includes(reply.status), `${url}: ${reply.status}`);
    }
  });
});

describe('headers', () => {
  it('that name a token twice, or smuggle a second length, get nobody in', async () => {
    await app.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.app.server.address() as AddressInfo;
    const ask = (headers: Record<string, string | string[]>, path = '/api/v1/nodes') =>
      new Promise<number>((resolve, reject) => {
        const sent = request({ port, host: '127.0.0.1', path, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        sent.on('error', reject);
        sent.end();
      });
    assert.equal(await ask({ authorization: `Bearer ${operatorToken}` }), 200);
    for (const dots of ['..', '.', '%2e%2e', '..%2f..', 'x/../y']) {
      const path = `/api/v1/nodes/${dots}/drift`;
      assert.ok([400, 404].includes(await ask({ authorization: `Bearer ${operatorToken}` }, path)), path);
    }
    assert.equal(await ask({ authorization: `Bearer x, Bearer ${operatorToken}` }), 401);
    assert.equal(await ask({ authorization: [`Bearer ${'x'.repeat(43)}`, `Bearer ${operatorToken}`] }), 401);
    assert.equal(await ask({ 'x-api-key': operatorToken, cookie: `token=${operatorToken}` }), 401);
    assert.equal(await ask({ authorization: `Bearer ${'x'.repeat(12_000)}` }), 401);
    assert.equal(await ask({ 'content-length': '5', 'transfer-encoding': 'chunked' }).catch(() => 400), 400);
  });
});

describe('globs', () => {
  it('that would blow up a matcher are refused or matched within a second', async () => {
    const bombs = [
      `/${'**/'.repeat(300)}x`,
      `/${'*a'.repeat(500)}b`,
      `/${'{a,b}'.repeat(60)}`,
      `/${'[a-z]*'.repeat(150)}`,
      `/${'?*'.repeat(500)}`,
      '('.repeat(1000),
      '/(a+)+$',
      '../../../etc/passwd',
    ];
    for (const glob of bombs) {
      const before = process.cpuUsage();
      const reply = await app.call('POST', `/api/v1/nodes/${node.name}/baseline`, {
        body: { paths: Array.from({ length: 20 }, () => glob) },
      });
      const { user, system } = process.cpuUsage(before);
      assert.ok([200, 400].includes(reply.status), `${glob.slice(0, 20)}: ${reply.status}`);
      assert.ok((user + system) / 1000 < 2000, `${glob.slice(0, 20)}: ${(user + system) / 1000} ms`);
    }
    const { json } = await app.call('GET', `/api/v1/nodes/${node.name}/drift`);
    assert.equal(json.drift.length, 40);
  });
});
