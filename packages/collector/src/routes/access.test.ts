import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { formatToken, tokenHash } from '#core/auth';
import type { AuditRecord } from '#core/node-state';
import type { TokenRole } from '#store/store';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { agentToken } from '../../../../test/harness/process.ts';
import { syntheticFleet } from '../../../../test/harness/synthetic-fleet.ts';
import { routesOf } from '../app.ts';

const audit: AuditRecord = {
  at: 1,
  who: 'test',
  action: 'token-create',
  node: null,
  reason: null,
  details: {},
};

describe('access to routes', () => {
  let site: CollectorApp;
  const tokens = new Map<TokenRole | 'other-agent', string>();
  before(async () => {
    site = await CollectorApp.open();
    const add = async (
      key: TokenRole | 'other-agent',
      role: TokenRole,
      node: string | null,
      fill: number,
    ) => {
      const token = formatToken(role, Buffer.alloc(32, fill));
      await site.store.createToken(
        { name: key, role, node, createdAt: 1, expiresAt: null },
        tokenHash(token),
        audit,
      );
      tokens.set(key, token);
    };
    await add('agent', 'agent', 'a', 1);
    await add('other-agent', 'agent', 'b', 2);
    await add('sweeper', 'sweeper', null, 3);
    await add('viewer', 'viewer', null, 4);
    await add('operator', 'operator', null, 5);
  });
  after(() => site[Symbol.asyncDispose]());

  const allowed: Record<string, readonly string[]> = {
    viewer: ['viewer', 'operator'],
    operator: ['operator'],
    agent: ['agent'],
    sweeper: ['sweeper'],
  };

  it('is as the role of the route says, for every route and every kind of token', async () => {
    const routes = routesOf(site.app).filter(({ path }) => !path.endsWith('/commands'));
    assert.ok(routes.length > 12);
    for (const { method, path, role } of routes) {
      const url = path.replace('{node}', 'a').replace('{sequence}', '1');
      const nobody = await site.call(method as 'GET', url, { token: null });
      if (role === 'open') {
        assert.equal(nobody.status, 200, url);
        continue;
      }
      assert.equal(nobody.status, 401, url);
      assert.match(String(nobody.headers['www-authenticate']), /^Bearer/);
      for (const [who, token] of tokens) {
        const { status } = await site.call(method as 'GET', url, { token });
        assert.equal(status === 403, !allowed[role]!.includes(who), `${who} at ${method} ${url}: ${status}`);
        assert.notEqual(status, 401);
      }
    }
  });

  it('is refused to tokens that are unknown, malformed, or of another scheme', async () => {
    for (const token of [`hf_operator_${'x'.repeat(43)}`, 'x', 'a b', ''])
      assert.equal((await site.call('GET', '/api/v1/nodes', { token })).status, 401, token);
    const basic = await site.call('GET', '/api/v1/nodes', {
      token: null,
      headers: { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` },
    });
    assert.equal(basic.status, 401);
  });

  it('ends with the revocation of a token, at once', async () => {
    const token = formatToken('viewer', Buffer.alloc(32, 9));
    const { id } = await site.store.createToken(
      { name: 'short', role: 'viewer', node: null, createdAt: 1, expiresAt: null },
      tokenHash(token),
      audit,
    );
    assert.equal((await site.call('GET', '/api/v1/nodes', { token })).status, 200);
    await site.store.revokeToken(id, 2, { ...audit, action: 'token-revoke' });
    assert.equal((await site.call('GET', '/api/v1/nodes', { token })).status, 401);
  });

  it('ends when a token expires', async () => {
    const token = formatToken('viewer', Buffer.alloc(32, 10));
    const expiring = { name: 'guest', role: 'viewer', node: null, createdAt: 1 } as const;
    await site.store.createToken({ ...expiring, expiresAt: site.now + 1000 }, tokenHash(token), audit);
    assert.equal((await site.call('GET', '/api/v1/nodes', { token })).status, 200);
    site.now += 1000;
    const reply = await site.call('GET', '/api/v1/nodes', { token });
    assert.equal(reply.status, 401);
    assert.match(reply.json.detail, /expired/);
  });

  it('is refused for a while to an address that guesses, but not to callers there whose token is good', async () => {
    await using guessed = await CollectorApp.open();
    const guess = () => guessed.call('GET', '/api/v1/nodes', { token: `hf_viewer_${'x'.repeat(43)}` });
    assert.equal((await guessed.call('GET', '/api/v1/nodes')).status, 200);
    for (let i = 0; i < 20; i++) assert.equal((await guess()).status, 401);
    const refused = await guess();
    assert.deepEqual([refused.status, refused.json.code], [429, 'too-many-requests']);
    assert.equal(refused.headers['retry-after'], '3');
    assert.equal((await guessed.call('GET', '/api/v1/nodes')).status, 200);
    const fresh = await guessed.call('GET', '/api/v1/nodes', { token: agentToken });
    assert.equal(fresh.status, 403, 'it was never seen before, and is known');
    assert.equal((await guessed.call('GET', '/healthz', { token: null })).status, 200);
    guessed.now += 3000;
    assert.equal((await guess()).status, 401);
    const { text } = await guessed.call('GET', '/metrics');
    assert.match(text, /^holdfast_authentication_failures_total\{reason="unknown"\} 21$/m);
    assert.match(text, /^holdfast_authentication_failures_total\{reason="limited"\} 1$/m);
  });

  it('lets a bound agent token report for its own node only', async () => {
    const [node] = syntheticFleet({ nodes: 1, entries: 10, own: 2 });
    const report = node!.first();
    const send = (name: string, token: string) =>
      site.call('POST', `/api/v1/nodes/${name}/reports`, { token, body: report });
    assert.equal((await send('a', tokens.get('other-agent')!)).status, 403);
    assert.equal((await send('a', tokens.get('agent')!)).status, 200);
  });

  it('tells the log what was refused, from where, and of a token why', async () => {
    await site.report('a', { nonsense: 'quoted' } as never);
    await site.report('a', '{}', { authorization: `Bearer hf_agent_${'x'.repeat(43)}` });
    const lines = site.logged
      .map((line) => JSON.parse(line))
      .filter(({ level, code }) => level === 30 && code);
    const of = (wanted: string) => lines.findLast(({ code }) => code === wanted);
    assert.deepEqual(
      [of('bad-request').address, of('bad-request').detail, of('bad-request').url],
      ['127.0.0.1', undefined, '/api/v1/nodes/a/reports'],
    );
    const { address, detail } = of('unauthenticated');
    assert.deepEqual([address, detail], ['127.0.0.1', 'The token is not known, or was revoked.']);
  });

  it('writes no token to the log, and heartbeats at debug only', async () => {
    await site.call('GET', '/api/v1/hf%5foperator%5F0123456789abcdef');
    await site.call('GET', `/${'a'.repeat(5000)}`);
    const text = site.logged.join('');
    assert.ok(!text.includes('0123456789abcdef'));
    assert.ok(!text.includes('a'.repeat(513)));
    for (const token of [...tokens.values(), agentToken]) assert.ok(!text.includes(token));
    assert.match(text, /"caller":"viewer"/);
    const reports = site.logged.filter((line) => line.includes('/reports"') && line.includes('"status":200'));
    assert.ok(reports.length > 0);
    assert.ok(reports.every((line) => line.includes('"level":20')));
  });

  it('asks for a viewer at /metrics where the configuration says so', async () => {
    await using closed = await CollectorApp.open({ HOLDFAST_METRICS_AUTH: 'viewer' });
    assert.equal((await closed.call('GET', '/metrics', { token: null })).status, 401);
    assert.equal((await closed.call('GET', '/metrics')).status, 200);
    assert.equal((await site.call('GET', '/metrics', { token: null })).status, 200);
  });
});
