/**
 * One sweep's standing with Vault. Rules:
 * 1. Login by the pod's service account; on 403 once more if the kubelet has rotated its token meanwhile.
 * 2. At two thirds of the lease the token is renewed. What cannot be renewed, or is renewed for less than half of what
 *    was granted (its maximum is near), is succeeded by a new login; children that began with the old one keep it.
 * 3. All tokens are revoked at the end, after the last child: revoking takes what children fetched by them too.
 * 4. A failed renewal is logged and tried again while the lease lasts. The children's own errors say the rest.
 */
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { openHttpClient } from '../../http-client.ts';
import type { RetryLimits } from '../../retry.ts';
import { readServiceAccountToken } from './service-account-token.ts';
import { type VaultApi, type VaultAuth, vaultApi, VaultError } from './vault-api.ts';
import type { VaultConfig } from './vault-config.ts';

/** For the revocation of all tokens, so that an unreachable Vault does not hold a sweep's end up. */
export const revocationTimeoutMs = 15_000;
/** Between two tries to renew a token after a failure. */
const renewAgainMs = 5000;
const shortestRenewalMs = 250;

export interface VaultSessionParts {
  readonly log: Logger;
  readonly random?: () => number;
  readonly retries?: RetryLimits;
  /** Aborted when the sweep is stopped: a login that runs is given up. */
  readonly signal: AbortSignal;
}

/** Disposing of it revokes its tokens: not before the last child has ended. */
export interface VaultSession extends AsyncDisposable {
  /** For children that start now. */
  environment(): Readonly<Record<string, string>>;
  /** Every token that was held, to be kept out of all that is told. */
  secrets(): readonly string[];
}

/** Logs in. Throws {@link VaultError}. */
export async function openVaultSession(config: VaultConfig, parts: VaultSessionParts): Promise<VaultSession> {
  const ca = config.caFile === null ? null : await readCa(config.caFile);
  await using opened = new AsyncDisposableStack();
  const http = opened.use(openHttpClient(ca));
  const ended = new AbortController();
  const random = parts.random ?? Math.random;
  const limits = parts.retries ? { retries: parts.retries } : {};
  const signal = AbortSignal.any([parts.signal, ended.signal]);
  const session = new Session(config, vaultApi(config, { http, signal, random, ...limits }), parts.log);
  await session.begin();
  opened.defer(async () => {
    ended.abort();
    const bounded = vaultApi(config, {
      http,
      signal: AbortSignal.timeout(revocationTimeoutMs),
      random,
      ...limits,
    });
    await session.end(bounded);
  });
  const parted = opened.move();
  return {
    environment: () => session.environment(),
    secrets: () => session.secrets(),
    [Symbol.asyncDispose]: () => parted.disposeAsync(),
  };
}

interface Held {
  readonly auth: VaultAuth;
  /** What the login granted: renewals are measured against it, so that a maximum is not approached by halves. */
  readonly grantedSeconds: number;
  /** By performance.now(). */
  readonly expiresAt: number;
}

class Session {
  readonly #config: VaultConfig;
  readonly #api: VaultApi;
  readonly #log: Logger;
  readonly #secrets = new Set<string>();
  readonly #revocable = new Set<string>();
  #current: Held | null = null;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(config: VaultConfig, api: VaultApi, log: Logger) {
    this.#config = config;
    this.#api = api;
    this.#log = log;
  }

  async begin(): Promise<void> {
    const auth = await this.#login();
    this.#hold(auth, auth.lease_duration);
  }

  environment(): Record<string, string> {
    const { address, namespace, caFile } = this.#config;
    return {
      VAULT_ADDR: address.href.replace(/\/+$/, ''),
      VAULT_TOKEN: this.#token(),
      ...(namespace === null ? {} : { VAULT_NAMESPACE: namespace }),
      ...(caFile === null ? {} : { VAULT_CACERT: caFile }),
    };
  }

  secrets(): string[] {
    return [...this.#secrets];
  }

  async end(api: VaultApi): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#renewing;
    for (const token of this.#revocable) {
      try {
        await api.revoke(token);
      } catch (error) {
        // 403: it has expired by itself.
        if (error instanceof VaultError && error.status === 403) continue;
        this.#log.warn(
          { reason: (error as Error).message },
          'a Vault token was not revoked; it expires by itself',
        );
      }
    }
  }

  async #login(): Promise<VaultAuth> {
    const { tokenFile, audience } = this.#config;
    const jwt = await this.#readToken(tokenFile, audience);
    try {
      return await this.#api.login(jwt);
    } catch (error) {
      if (!(error instanceof VaultError) || error.status !== 403) throw error;
      const fresh = await this.#readToken(tokenFile, audience);
      if (fresh === jwt) throw error;
      return await this.#api.login(fresh);
    }
  }

  async #readToken(file: string, audience: string | null): Promise<string> {
    const jwt = await readServiceAccountToken(file, audience);
    this.#secrets.add(jwt);
    return jwt;
  }

  #hold(auth: VaultAuth, grantedSeconds: number): void {
    this.#secrets.add(auth.client_token);
    if (auth.token_type !== 'batch') this.#revocable.add(auth.client_token);
    const leaseMs = auth.lease_duration * 1000;
    this.#current = { auth, grantedSeconds, expiresAt: performance.now() + leaseMs };
    // A lease of 0 never ends.
    if (leaseMs > 0) this.#plan(Math.max((leaseMs * 2) / 3, shortestRenewalMs));
  }

  #plan(ms: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(
      () => {
        this.#renewing = this.#succeed();
      },
      Math.min(ms, 2 ** 31 - 1),
    );
  }

  async #succeed(): Promise<void> {
    try {
      const { auth, grantedSeconds } = this.#current!;
      const renewed = await this.#renewed(auth, grantedSeconds);
      if (renewed !== null) return this.#hold(renewed, grantedSeconds);
      await this.begin();
    } catch (error) {
      if (this.#ended) return;
      const leftSeconds = Math.round((this.#current!.expiresAt - performance.now()) / 1000);
      this.#log.error(
        { reason: (error as Error).message, leftSeconds },
        'the Vault token could not be renewed',
      );
      this.#plan(renewAgainMs);
    }
  }

  /** Null if only a new login helps. */
  async #renewed(auth: VaultAuth, grantedSeconds: number): Promise<VaultAuth | null> {
    if (!auth.renewable) return null;
    try {
      const renewed = await this.#api.renew(auth.client_token, grantedSeconds);
      const isNearMaximum = renewed.lease_duration * 2 < grantedSeconds;
      return isNearMaximum ? null : { ...renewed, client_token: auth.client_token };
    } catch (error) {
      const isRefused = error instanceof VaultError && (error.status === 403 || error.status === 400);
      if (!isRefused) throw error;
      return null;
    }
  }

  #token(): string {
    if (this.#current === null) throw new Error('there is no Vault token before begin()');
    return this.#current.auth.client_token;
  }
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new VaultError(`the CA file ${file} cannot be read: ${code ?? 'unknown reason'}`, null);
  }
}
