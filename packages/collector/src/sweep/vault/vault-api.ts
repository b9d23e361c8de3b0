/**
 * The part of Vault's API that the sweep speaks: login, renewal, revocation. What is tried again is what Vault says may
 * pass by itself: 412 (a standby is behind), 429 (quota), 5xx (sealed, standby, failing) and the network. 400 and 403
 * never are: the same request would be refused again.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';
import type { HttpAnswer, HttpClient, HttpOutcome } from '../../http-client.ts';
import { retry, type RetryLimits } from '../../retry.ts';
import type { VaultConfig } from './vault-config.ts';

export const vaultRequestTimeoutMs = 15_000;
export const vaultRetries: RetryLimits = { tries: 5, minMs: 500, maxMs: 8000 };

const Auth = Type.Object({
  client_token: Type.String({ minLength: 1, maxLength: 4096 }),
  lease_duration: Type.Integer({ minimum: 0 }),
  renewable: Type.Boolean(),
  token_type: Type.Optional(Type.String()),
});
const authAnswer = shapeOf(Type.Object({ auth: Auth }));
const errorAnswer = shapeOf(Type.Object({ errors: Type.Array(Type.String()) }));

export type VaultAuth = Static<typeof Auth>;

/** Vault did not do as asked. The message names the cure where there is one, and holds no secret. */
export class VaultError extends Error {
  readonly code = 'vault';
  /** Null if Vault could not be reached, or answered something else than it should. */
  readonly status: number | null;
  constructor(message: string, status: number | null) {
    super(message);
    this.name = 'VaultError';
    this.status = status;
  }
}

export interface VaultApi {
  login(jwt: string): Promise<VaultAuth>;
  renew(token: string, incrementSeconds: number): Promise<VaultAuth>;
  revoke(token: string): Promise<void>;
}

export interface VaultApiParts {
  readonly http: HttpClient;
  readonly signal: AbortSignal;
  readonly random: () => number;
  readonly retries?: RetryLimits;
}

/** Every call throws {@link VaultError}. */
export function vaultApi(config: VaultConfig, parts: VaultApiParts): VaultApi {
  const post = async (
    what: string,
    path: string,
    body: object,
    token: string | null,
  ): Promise<HttpAnswer> => {
    const url = new URL(`${config.address.pathname.replace(/\/+$/, '')}/v1/${path}`, config.address);
    const call = {
      method: 'POST',
      url,
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        'x-vault-request': 'true',
        ...(token === null ? {} : { 'x-vault-token': token }),
        ...(config.namespace === null ? {} : { 'x-vault-namespace': config.namespace }),
      },
      timeoutMs: vaultRequestTimeoutMs,
      signal: parts.signal,
    } as const;
    const outcome = await retry(
      async () => {
        const answer = await parts.http.send(call);
        if (!mayPass(answer)) return { done: answer };
        return { again: answer, retryAfterMs: 'status' in answer ? answer.retryAfterMs : null };
      },
      parts.retries ?? vaultRetries,
      parts.signal,
      parts.random,
    );
    if ('unreachable' in outcome) {
      throw new VaultError(`${what}: Vault at ${config.address.origin}: ${outcome.unreachable}`, null);
    }
    if (outcome.status >= 200 && outcome.status < 300) return outcome;
    throw new VaultError(`${what}: ${refusal(outcome)}`, outcome.status);
  };
  return {
    async login(jwt) {
      const what = `login with role ${config.role} at auth/${config.mount}`;
      return authOf(what, await post(what, `auth/${config.mount}/login`, { role: config.role, jwt }, null));
    },
    async renew(token, incrementSeconds) {
      const what = 'renewal of the token';
      const body = { increment: `${incrementSeconds}s` };
      return authOf(what, await post(what, 'auth/token/renew-self', body, token));
    },
    async revoke(token) {
      await post('revocation of the token', 'auth/token/revoke-self', {}, token);
    },
  };
}

function mayPass(outcome: HttpOutcome): boolean {
  if ('unreachable' in outcome) return true;
  return outcome.status === 412 || outcome.status === 429 || outcome.status >= 500;
}

function authOf(what: string, { body, status }: HttpAnswer): VaultAuth {
  const value = parsed(body);
  if (authAnswer.check(value)) return value.auth;
  throw new VaultError(`${what}: the answer (${status}) is not one of Vault`, null);
}

const maxErrorCharacters = 300;

/** Vault's own words: they name roles and reasons, and no token. */
function refusal({ status, body }: HttpAnswer): string {
  const value = parsed(body);
  const errors = errorAnswer.check(value) ? value.errors.join('; ').replaceAll(/\s+/g, ' ') : '';
  return `Vault answered ${status}${errors === '' ? '' : `: ${errors.slice(0, maxErrorCharacters)}`}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
