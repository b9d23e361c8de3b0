/** Verifies tokens by the cluster's keys, without asking: a token that Kubernetes has revoked is good until it expires. */
import { readFile } from 'node:fs/promises';
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose';
import { type NodeTokenPolicy, subjectOfClaims, type SubjectVerdict } from '#core/node-token';
import { type ApiServer, KubernetesUnavailableError } from './api-server.ts';
import type { KeySource, KubernetesConfig } from './options.ts';

/** What Kubernetes signs with, and no more: neither `none` nor anything with a shared secret. */
const algorithms = ['RS256', 'ES256', 'ES384', 'ES512'];
/** By how much the clocks of issuer and collector may differ. */
export const clockSkewMs = 30_000;
/** Keys are fetched anew after so long. */
const keysMaxAgeMs = 600_000;
/** A token whose key is missing has them fetched anew, if the last time was so long ago. */
const keysCooldownMs = 30_000;
const keysTimeoutMs = 5000;

/** What jose says of keys that could not be had, rather than of the token. */
const keyErrors = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'];

export type VerifySigned = (token: string, now: number) => Promise<SubjectVerdict>;

/** The function throws {@link KubernetesUnavailableError} while there are no keys. */
export function signedTokens(
  { issuer, keys: source }: NonNullable<KubernetesConfig['oidc']>,
  policy: NodeTokenPolicy,
  api: ApiServer,
): VerifySigned {
  const keys = createRemoteJWKSet(source.kind === 'url' ? source.url : new URL('keys:cluster'), {
    cacheMaxAge: keysMaxAgeMs,
    cooldownDuration: keysCooldownMs,
    timeoutDuration: keysTimeoutMs,
    ...(source.kind === 'url' ? {} : { [customFetch]: () => readKeys(source, api) }),
  });
  return async (token, now) => {
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keys, {
        algorithms,
        issuer,
        audience: policy.audience,
        clockTolerance: clockSkewMs / 1000,
        currentDate: new Date(now),
        requiredClaims: ['exp', 'sub'],
      });
      claims = verified.payload;
    } catch (error) {
      if (error instanceof errors.JOSEError && !keyErrors.includes(error.code))
        return { kind: 'refused', reason: reasonOf(error) };
      if (error instanceof KubernetesUnavailableError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new KubernetesUnavailableError(`the keys of the cluster cannot be had: ${reason}`, {
        cause: error,
      });
    }
    return subjectOfClaims(claims, policy, now, clockSkewMs);
  };
}

async function readKeys(source: Exclude<KeySource, { kind: 'url' }>, api: ApiServer): Promise<Response> {
  if (source.kind === 'api-server') {
    const { status, body } = await api.ask('GET', '/openid/v1/jwks');
    return Response.json(body ?? null, { status: status === 204 ? 200 : status });
  }
  try {
    return new Response(await readFile(source.path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new KubernetesUnavailableError(
      `HOLDFAST_KUBERNETES_JWKS_FILE: ${source.path} cannot be read: ${code}`,
      { cause: error },
    );
  }
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'iss'
      ? 'another issuer made it'
      : `its claim "${error.claim}" is not as it must be`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'it is signed with a key that is not the cluster’s';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'it is signed in a way that Kubernetes does not';
  return 'it is malformed';
}
