import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pino } from 'pino';
import { waitFor } from '../../../../../test/harness/wait.ts';
import { TestVault } from './test-vault.ts';
import type { VaultConfig } from './vault-config.ts';
import { openVaultSession } from './vault-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-vault-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const tokenFile = join(directory, 'token');
const jwtFor = (audience: string, mark = '') =>
  ['e30', Buffer.from(JSON.stringify({ aud: [audience], mark })).toString('base64url'), 'c2ln'].join('.');

function configOf(vault: TestVault, more: Partial<VaultConfig> = {}): VaultConfig {
  return {
    address: vault.url,
    role: 'terraform-plan-runner',
    mount: 'kubernetes',
    tokenFile,
    audience: null,
    namespace: null,
    caFile: null,
    ...more,
  };
}

function logTo(lines: string[]) {
  return pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
}

function open(vault: TestVault, more: Partial<VaultConfig> = {}, lines: string[] = []) {
  return openVaultSession(configOf(vault, more), {
    log: logTo(lines),
    retries: { tries: 4, minMs: 1, maxMs: 5 },
    signal: new AbortController().signal,
  });
}

describe("a sweep's standing with Vault", () => {
  it('logs in by the service account, gives children the token by environment, and revokes it at the end', async () => {
    await using vault = await TestVault.open();
    writeFileSync(tokenFile, `${jwtFor('vault')}\n`);
    const session = await open(vault, { mount: 'k8s/prod', namespace: 'infra', audience: 'vault' });
    const [token] = vault.live;
    assert.deepEqual(session.environment(), {
      VAULT_ADDR: vault.url.origin,
      VAULT_TOKEN: token,
      VAULT_NAMESPACE: 'infra',
    });
    assert.deepEqual(session.secrets(), [jwtFor('vault'), token]);
    assert.equal(vault.calls[0]!.path, '/v1/auth/k8s/prod/login');
    assert.deepEqual(vault.calls[0]!.body, { role: 'terraform-plan-runner', jwt: jwtFor('vault') });
    assert.equal(vault.calls[0]!.namespace, 'infra');
    await session[Symbol.asyncDispose]();
    assert.equal(vault.live.size, 0);
  });

  it('renews at two thirds of a short lease', async () => {
    await using vault = await TestVault.open();
    writeFileSync(tokenFile, jwtFor('vault'));
    vault.leaseSeconds = 1;
    const startedAt = performance.now();
    await using session = await open(vault);
    const token = session.environment()['VAULT_TOKEN'];
    await waitFor('a renewal', () => vault.paths().includes('token/renew-self'));
    const afterMs = performance.now() - startedAt;
    assert.ok(afterMs > 600, `renewed after ${afterMs} ms`);
    assert.equal(session.environment()['VAULT_TOKEN'], token);
    await waitFor('one more', () => vault.paths().filter((path) => path === 'token/renew-self').length > 1);
  });

  it('logs in anew where the maximum is near, the token is gone, or cannot be renewed, and revokes what it can', async () => {
    for (const [tokenType, happens] of [
      ['service', (vault: TestVault) => void (vault.renewedSeconds = 0)],
      ['service', (vault: TestVault) => vault.live.clear()],
      ['batch', () => {}],
    ] as const) {
      await using vault = await TestVault.open();
      vault.leaseSeconds = 1;
      vault.tokenType = tokenType;
      writeFileSync(tokenFile, jwtFor('vault', 'first'));
      const session = await open(vault);
      const first = session.environment()['VAULT_TOKEN'];
      happens(vault);
      writeFileSync(tokenFile, jwtFor('vault', 'rotated'));
      await waitFor('another token', () => session.environment()['VAULT_TOKEN'] !== first);
      const logins = vault.calls.filter(({ path }) => path.endsWith('/login'));
      assert.equal(logins.at(-1)!.body['jwt'], jwtFor('vault', 'rotated'));
      assert.ok(session.secrets().includes(first!));
      await session[Symbol.asyncDispose]();
      if (tokenType === 'service') assert.equal(vault.live.size, 0);
      else assert.ok(!vault.paths().includes('token/revoke-self'));
    }
  });

  it('tries again after 412, 429 and 503, and waits as long as it is asked to', async () => {
    await using vault = await TestVault.open();
    writeFileSync(tokenFile, jwtFor('vault'));
    vault.script.push(
      { status: 412, errors: [] },
      { status: 429, errors: ['quota'], retryAfter: '1' },
      { status: 503, errors: ['Vault is sealed'] },
    );
    const startedAt = performance.now();
    await using session = await open(vault);
    assert.ok(performance.now() - startedAt >= 990);
    assert.equal(vault.calls.length, 4);
    assert.ok(session.environment()['VAULT_TOKEN']);
  });

  it('never repeats a 400, nor a 403 with the same service-account token', async () => {
    for (const status of [400, 403]) {
      await using vault = await TestVault.open();
      writeFileSync(tokenFile, jwtFor('vault'));
      vault.script.push({ status, errors: ['invalid role name "x"'] });
      await assert.rejects(open(vault), (error: Error) => {
        assert.match(error.message, new RegExp(`Vault answered ${status}: invalid role name "x"`));
        assert.match(error.message, /role terraform-plan-runner at auth\/kubernetes/);
        return !error.message.includes(jwtFor('vault'));
      });
      assert.equal(vault.calls.length, 1);
    }
  });

  it('logs in once more after a 403 if the kubelet has rotated the token meanwhile', async () => {
    await using vault = await TestVault.open();
    vault.jwts = [jwtFor('vault', 'new')];
    writeFileSync(tokenFile, jwtFor('vault', 'old'));
    vault.calls.push = (...calls) => {
      writeFileSync(tokenFile, jwtFor('vault', 'new'));
      return Array.prototype.push.apply(vault.calls, calls);
    };
    await using session = await open(vault);
    assert.ok(session.environment()['VAULT_TOKEN']);
    assert.equal(vault.calls.length, 2);
  });

  it('gives up on a sealed Vault, and on one that is not there, with the reason', async () => {
    await using vault = await TestVault.open();
    writeFileSync(tokenFile, jwtFor('vault'));
    vault.sealed = true;
    await assert.rejects(open(vault), /Vault answered 503: Vault is sealed/);
    assert.equal(vault.calls.length, 4);
    const address = new URL('http://127.0.0.1:1');
    await assert.rejects(open(vault, { address }), /Vault at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  });

  it('says which audience a token is for, which file is missing, and asks Vault nothing', async () => {
    await using vault = await TestVault.open();
    writeFileSync(tokenFile, jwtFor('https://kubernetes.default.svc'));
    await assert.rejects(
      open(vault, { audience: 'vault' }),
      /is meant for https:\/\/kubernetes\.default\.svc, not for vault/,
    );
    await assert.rejects(open(vault, { tokenFile: join(directory, 'none') }), /none cannot be read: ENOENT/);
    await assert.rejects(open(vault, { caFile: join(directory, 'ca') }), /CA file .* cannot be read: ENOENT/);
    assert.equal(vault.calls.length, 0);
  });

  it('logs a revocation that failed, and neither throws nor shows the token', async () => {
    await using vault = await TestVault.open();
    writeFileSync(tokenFile, jwtFor('vault'));
    const lines: string[] = [];
    const session = await open(vault, {}, lines);
    const token = session.environment()['VAULT_TOKEN']!;
    vault.sealed = true;
    await session[Symbol.asyncDispose]();
    assert.match(lines.join(''), /was not revoked/);
    assert.ok(!lines.join('').includes(token));
  });
});
