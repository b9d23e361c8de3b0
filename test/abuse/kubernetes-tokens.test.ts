/** Nodes that identify themselves with service-account tokens of Kubernetes, good ones and all kinds of bad ones. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { SignJWT } from 'jose';
import { CollectorApp } from '../harness/collector-app.ts';
import { issuer, KubernetesDouble, type TokenSpec } from '../harness/kubernetes.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { needTool } from '../need.ts';

const skip = needTool('openssl', 'apt-get install -y openssl');
let kubernetes: KubernetesDouble;

before(async () => {
  if (skip === false) kubernetes = await KubernetesDouble.start();
});
after(() => kubernetes?.[Symbol.asyncDispose]());
beforeEach(() => {
  if (!kubernetes) return;
  kubernetes.trouble = 'none';
  kubernetes.asked.length = 0;
});

async function openApp(environment: Record<string, string> = {}): Promise<CollectorApp> {
  const app = await CollectorApp.open({ ...kubernetes.environment, ...environment });
  app.now = Date.now();
  return app;
}

async function send(app: CollectorApp, token: string, node = 'worker-1') {
  const [agent] = syntheticFleet({ nodes: 1, entries: 10, own: 2 });
  const body = agent!.first();
  return app.call('POST', `/api/v1/nodes/${node}/reports`, { token, body });
}

const refusals: readonly (readonly [string, TokenSpec, RegExp])[] = [
  ['expired', { expiresIn: -60 }, /has expired/],
  ['meant for another audience', { audience: 'https://kubernetes.default.svc' }, /audience "holdfast"/],
  ['of another service account', { account: 'default' }, /service account/],
  ['of a namesake in another namespace', { namespace: 'default' }, /service account/],
  ['for a node whose name cannot be one', { node: '../worker-1' }, /node that cannot be one/],
];

for (const mode of ['token-review', 'oidc']) {
  describe(`a token of Kubernetes, by ${mode}`, { skip }, () => {
    it('speaks for the node that it names, and for no other', async () => {
      await using app = await openApp({ HOLDFAST_KUBERNETES_AUTH: mode });
      const token = await kubernetes.token({ node: 'worker-1' });
      assert.equal((await send(app, token)).status, 200);
      const other = await send(app, token, 'worker-2');
      assert.deepEqual([other.status, other.json.code], [403, 'forbidden']);
      assert.equal((await app.call('GET', '/api/v1/nodes', { token })).status, 403);
      assert.match(app.logged.join(''), /"caller":"holdfast\/holdfast-agent@worker-1"/);
    });

    it('is refused when it is forged, with a key that is not the cluster’s or without any', async () => {
      await using app = await openApp({ HOLDFAST_KUBERNETES_AUTH: mode });
      await using stranger = await KubernetesDouble.start();
      const good = await kubernetes.token();
      const [head, body, signature] = good.split('.') as [string, string, string];
      const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
      const shared = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(JSON.stringify(kubernetes.jwks.keys[0])));
      claims['kubernetes.io'].node.name = 'worker-2';
      const moved = Buffer.from(JSON.stringify(claims)).toString('base64url');
      for (const token of [
        await stranger.token(),
        `${unsigned}.${body}.`,
        `${unsigned}.${body}.${signature}`,
        `${head}.${moved}.${signature}`,
        `${head}.${body}.${signature.slice(0, -4)}AAAA`,
        shared,
        `${head}.${body}`,
      ]) {
        assert.equal((await send(app, token)).status, 401, token);
      }
      assert.equal((await send(app, good)).status, 200);
    });

    for (const [what, spec, reason] of refusals) {
      it(`is refused when it is ${what}`, async () => {
        await using app = await openApp({ HOLDFAST_KUBERNETES_AUTH: mode });
        const reply = await send(app, await kubernetes.token(spec));
        assert.equal(reply.status, 401);
        assert.match(reply.json.detail, reason);
        assert.match(
          (await app.call('GET', '/metrics')).text,
          /^holdfast_authentication_failures_total\{reason="kubernetes"\} 1$/m,
        );
      });
    }

    it('is not taken while nobody can verify it: 503 with Retry-After, whatever the API server does', async () => {
      for (const trouble of ['garbage', 'forbidden', 'failing'] as const) {
        await using app = await openApp({ HOLDFAST_KUBERNETES_AUTH: mode });
        kubernetes.trouble = trouble;
        const token = await kubernetes.token();
        const reply = await send(app, token);
        assert.deepEqual([reply.status, reply.json.code], [503, 'identity-unavailable'], trouble);
        assert.equal(reply.headers['retry-after'], '10');
        kubernetes.trouble = 'none';
        assert.equal((await send(app, token)).status, 503, 'it is left alone for a while');
        app.now += 2001;
        assert.equal((await send(app, token)).status, 200);
        assert.ok(!app.logged.join('').includes(token));
      }
    });

    it('is not taken while the API server is silent or gone', async () => {
      await using app = await openApp({ HOLDFAST_KUBERNETES_AUTH: mode });
      kubernetes.trouble = 'silent';
      const startedAt = performance.now();
      const token = await kubernetes.token();
      assert.equal((await send(app, token)).status, 503);
      assert.ok(performance.now() - startedAt < 15_000);
      await using gone = await openApp({
        HOLDFAST_KUBERNETES_AUTH: mode,
        HOLDFAST_KUBERNETES_API_URL: 'https://127.0.0.1:1',
      });
      assert.equal((await send(gone, token)).status, 503);
    });
  });
}

describe('a review by the API server', { skip }, () => {
  it('is kept for a while, for many requests at once, and notices a revocation after that', async () => {
    await using app = await openApp({ HOLDFAST_KUBERNETES_CACHE_SECONDS: '30' });
    const token = await kubernetes.token();
    const both = await Promise.all([send(app, token), send(app, token), send(app, token)]);
    assert.equal(both[0].status, 200);
    assert.equal(kubernetes.asked.length, 1);
    kubernetes.revoked.add(token);
    assert.notEqual((await send(app, token)).status, 401);
    app.now += 30_001;
    assert.equal((await send(app, token)).status, 401);
    // A refusal is kept too, but not for long.
    kubernetes.revoked.delete(token);
    assert.equal((await send(app, token)).status, 401);
    assert.equal(kubernetes.asked.length, 2);
    app.now += 10_001;
    assert.notEqual((await send(app, token)).status, 401);
  });

  it('asks nobody about what the token itself gives away', async () => {
    await using app = await openApp();
    for (const [, spec] of refusals) await send(app, await kubernetes.token(spec));
    await send(app, 'eyJhbGciOiJSUzI1NiJ9.bm8.bm8');
    assert.deepEqual(kubernetes.asked, []);
  });

  it('reads token and authority anew, and trusts no other authority', async () => {
    await using other = await KubernetesDouble.start();
    const caFile = join(kubernetes.directory, 'changing.crt');
    copyFileSync(join(other.directory, 'ca.crt'), caFile);
    await using app = await openApp({ HOLDFAST_KUBERNETES_API_CA_FILE: caFile });
    const token = await kubernetes.token();
    assert.equal((await send(app, token)).status, 503);
    copyFileSync(join(kubernetes.directory, 'ca.crt'), caFile);
    app.now += 2001;
    assert.equal((await send(app, token)).status, 200);
    const tokenFile = join(kubernetes.directory, 'changing.token');
    writeFileSync(tokenFile, 'an old one');
    await using second = await openApp({ HOLDFAST_KUBERNETES_API_TOKEN_FILE: tokenFile });
    assert.equal((await send(second, token)).status, 503);
    copyFileSync(join(kubernetes.directory, 'token'), tokenFile);
    second.now += 2001;
    assert.equal((await send(second, token)).status, 200);
  });
});

describe('verification by the keys of the cluster', { skip }, () => {
  const oidc = { HOLDFAST_KUBERNETES_AUTH: 'oidc' };

  it('takes every algorithm that Kubernetes signs with, and keeps the keys', async () => {
    for (const algorithm of ['RS256', 'ES256', 'ES384', 'ES512']) {
      await kubernetes.rotateKeys(algorithm);
      await using app = await openApp(oidc);
      assert.equal((await send(app, await kubernetes.token())).status, 200, algorithm);
      assert.notEqual((await send(app, await kubernetes.token())).status, 401);
      assert.deepEqual(kubernetes.asked.splice(0), ['GET /openid/v1/jwks']);
    }
  });

  it('follows a rotation of the keys, and does not ask for them at every unknown one', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await using app = await openApp(oidc);
    const before = await kubernetes.token();
    assert.equal((await send(app, before)).status, 200);
    await kubernetes.rotateKeys();
    const rotated = await kubernetes.token();
    assert.equal((await send(app, rotated)).status, 401);
    assert.equal((await send(app, await kubernetes.token())).status, 401);
    assert.equal(kubernetes.asked.length, 1);
    t.mock.timers.tick(31_000);
    app.now += 31_000;
    assert.notEqual((await send(app, rotated)).status, 401);
    assert.equal(kubernetes.asked.length, 2);
    t.mock.timers.tick(61_000);
    app.now += 61_000;
    assert.equal((await send(app, before)).status, 401, 'its key is gone');
  });

  it('refuses another issuer, and takes the one that is configured', async () => {
    const token = await kubernetes.token({ issuer: 'https://other' });
    await using app = await openApp(oidc);
    assert.match((await send(app, token)).json.detail, /another issuer/);
    await using told = await openApp({ ...oidc, HOLDFAST_KUBERNETES_ISSUER: 'https://other' });
    assert.equal((await send(told, token)).status, 200);
    assert.notEqual(issuer, 'https://other');
  });

  it('takes the keys from a file, and says so when there is none', async () => {
    const file = join(kubernetes.directory, 'keys.json');
    await using app = await openApp({ ...oidc, HOLDFAST_KUBERNETES_JWKS_FILE: file });
    const token = await kubernetes.token();
    assert.equal((await send(app, token)).status, 503);
    assert.match(app.logged.join(''), /HOLDFAST_KUBERNETES_JWKS_FILE: .*ENOENT/);
    writeFileSync(file, JSON.stringify(kubernetes.jwks));
    app.now += 2001;
    assert.equal((await send(app, token)).status, 200);
    assert.deepEqual(kubernetes.asked, []);
  });
});

describe('a token that names no node', { skip }, () => {
  const pod = { uid: 'uid-of-agent-x', nodeName: 'worker-3', serviceAccountName: 'holdfast-agent' };

  it('is refused unless the configuration says otherwise, and that is said', async () => {
    await using app = await openApp();
    const reply = await send(app, await kubernetes.token({ node: null }));
    assert.equal(reply.status, 401);
    assert.match(reply.json.detail, /HOLDFAST_KUBERNETES_WITHOUT_NODE/);
    assert.match(app.logged.join(''), /tokens of this cluster name no node/);
  });

  it('speaks for the node of its pod where that is configured', async () => {
    await using app = await openApp({ HOLDFAST_KUBERNETES_WITHOUT_NODE: 'pod' });
    kubernetes.pods.set('holdfast/agent-x', pod);
    const token = await kubernetes.token({ node: null });
    assert.equal((await send(app, token, 'worker-3')).status, 200);
    assert.equal((await send(app, token, 'worker-1')).status, 403);
    for (const changed of [{ uid: 'another' }, { serviceAccountName: 'default' }, { nodeName: '' }]) {
      kubernetes.pods.set('holdfast/agent-x', { ...pod, ...changed });
      const other = await kubernetes.token({ node: null });
      assert.equal((await send(app, other, 'worker-3')).status, 401, JSON.stringify(changed));
    }
    kubernetes.pods.delete('holdfast/agent-x');
    assert.equal((await send(app, await kubernetes.token({ node: null }), 'worker-3')).status, 401);
  });

  it('speaks for any node where that is configured', async () => {
    await using app = await openApp({ HOLDFAST_KUBERNETES_WITHOUT_NODE: 'any' });
    const token = await kubernetes.token({ node: null });
    assert.equal((await send(app, token, 'worker-7')).status, 200);
    // A token that does name one is still bound to it.
    assert.equal((await send(app, await kubernetes.token(), 'worker-7')).status, 403);
  });
});
