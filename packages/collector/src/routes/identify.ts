/**
 * Finds out who calls. Rules, in order:
 * 1. The configured tokens are compared in constant time.
 * 2. Stored tokens are looked up by their hash, each time: a revocation holds at once.
 * 3. What looks like a JWT is shown to Kubernetes, if that is configured.
 * 4. An address from which too much was refused has to wait, but not with a token that is good, so that nobody can shut
 *    out the neighbours behind the same address. What Kubernetes has to be asked of costs too much to be looked at all the
 *    same, unless it was good a short while ago.
 */
import { timingSafeEqual } from 'node:crypto';
import {
  bearerToken,
  configuredAgent,
  configuredOperator,
  type Identity,
  isInForce,
  type RefusedTokenReason,
  tokenHash,
} from '#core/auth';
import { FailureLimit } from '#core/failure-limit';
import { looksLikeJwt } from '#core/node-token';
import type { NodeTokens } from '#kubernetes/node-tokens';
import { ProblemError } from './problem.ts';
import type { RouteContext } from './route.ts';

/** Two a node while tokens rotate, for the largest fleet. */
const maxRecentlyGood = 20_000;

export type IdentifyParts = Pick<
  RouteContext,
  'store' | 'config' | 'clock' | 'monotonic' | 'metrics' | 'nodeTokens'
>;

/** Null where no token was sent. Throws the problems `unauthenticated`, `too-many-requests`, `identity-unavailable`. */
export type Identify = (header: string | undefined, address: string) => Promise<Identity | null>;

export function identifier(parts: IdentifyParts): Identify {
  const { metrics, monotonic, nodeTokens } = parts;
  const configured = configuredIdentities(parts);
  const failures = new FailureLimit();
  const recentlyGood = new Set<string>();

  return async (header, address) => {
    if (header === undefined) return null;
    const token = bearerToken(header);
    const hash = token === null ? null : tokenHash(token);
    const isAsked = token !== null && nodeTokens !== null && looksLikeJwt(token);
    const wait = (): void => {
      const waitMs = failures.waitMs(address, monotonic());
      if (waitMs <= 0) return;
      metrics.countRefusedToken('limited');
      throw new ProblemError(
        'too-many-requests',
        'Too many tokens from this address were refused. Try again later.',
        {},
        Math.ceil(waitMs / 1000),
      );
    };
    if (isAsked && !recentlyGood.has(hash!)) wait();
    let outcome: Outcome;
    if (token === null || hash === null) {
      outcome = { why: 'malformed', detail: 'The header must be "Authorization: Bearer TOKEN".' };
    } else if (isAsked) outcome = await identifyByKubernetes(nodeTokens, token);
    else outcome = await identifyByHash(parts, configured, hash);
    if ('identity' in outcome) {
      if (isAsked) remember(recentlyGood, hash!);
      return outcome.identity;
    }
    recentlyGood.delete(hash ?? '');
    wait();
    failures.failed(address, monotonic());
    metrics.countRefusedToken(outcome.why);
    throw new ProblemError('unauthenticated', outcome.detail);
  };
}

type Outcome =
  | { readonly identity: Identity }
  | { readonly why: RefusedTokenReason; readonly detail: string };

interface ConfiguredIdentity {
  readonly hash: Buffer;
  readonly identity: Identity;
}

async function identifyByHash(
  { store, clock }: IdentifyParts,
  configured: readonly ConfiguredIdentity[],
  hash: string,
): Promise<Outcome> {
  const given = Buffer.from(hash, 'hex');
  const match = configured.find((candidate) => timingSafeEqual(candidate.hash, given));
  if (match) return { identity: match.identity };
  const stored = await store.tokenByHash(hash);
  if (stored === null) return { why: 'unknown', detail: 'The token is not known, or was revoked.' };
  if (!isInForce(stored, clock())) return { why: 'expired', detail: 'The token has expired.' };
  return { identity: { name: stored.name, role: stored.role, node: stored.node } };
}

async function identifyByKubernetes(nodeTokens: NodeTokens, token: string): Promise<Outcome> {
  const verdict = await nodeTokens.verify(token);
  switch (verdict.kind) {
    case 'identity':
      return { identity: verdict.identity };
    case 'refused':
      return { why: 'kubernetes', detail: `The service-account token is refused: ${verdict.reason}.` };
    case 'unavailable':
      throw new ProblemError(
        'identity-unavailable',
        'Kubernetes cannot be asked at present. The log of the collector says why.',
      );
  }
}

function configuredIdentities({ config: { tokens } }: IdentifyParts): ConfiguredIdentity[] {
  const of = (token: string | null, identity: Identity) =>
    token === null ? [] : [{ hash: Buffer.from(tokenHash(token), 'hex'), identity }];
  return [
    ...of(tokens.operator, { name: configuredOperator, role: 'operator', node: null }),
    ...of(tokens.agent, { name: configuredAgent, role: 'agent', node: null }),
  ];
}

/** The newest last. */
function remember(recentlyGood: Set<string>, hash: string): void {
  recentlyGood.delete(hash);
  recentlyGood.add(hash);
  for (const oldest of recentlyGood) {
    if (recentlyGood.size <= maxRecentlyGood) break;
    recentlyGood.delete(oldest);
  }
}
