/**
 * Who may call what. {@link mayCall} is the one place that decides it.
 *
 * - agent: the routes of agents, for its own node; an agent token without a node may speak for any.
 * - sweeper: the routes that take results of sweeps.
 * - viewer: everything that reads.
 * - operator: everything that reads, and everything that decides. It cannot report: who accepts does not also testify.
 */
import { hash } from 'node:crypto';
import { type Millis, systemActor } from '#core/node-state';
import type { TokenRecord, TokenRole } from '#store/store';

/** What a route asks of its caller. */
export type RouteRole = TokenRole | 'open';

/** Who calls, once the token was found to be good. */
export interface Identity {
  /** As the audit names it. */
  readonly name: string;
  readonly role: TokenRole;
  /** For role agent: the only node it may speak for; null for any. */
  readonly node: string | null;
}

/** Names that the audit uses for what is not a stored token. */
export const configuredOperator = 'configured-operator';
export const configuredAgent = 'configured-agent';
export const commandLine = 'command-line';
export const reservedNames: readonly string[] = [
  configuredOperator,
  configuredAgent,
  commandLine,
  systemActor,
];

/** Why a token that was sent says nothing about its caller. */
export const refusedTokenReasons = ['malformed', 'unknown', 'expired', 'kubernetes', 'limited'] as const;
export type RefusedTokenReason = (typeof refusedTokenReasons)[number];

export type Verdict = 'yes' | 'unauthenticated' | 'forbidden';

/** `node` is the node that the route is about, or null if it is about none. */
export function mayCall(identity: Identity | null, role: RouteRole, node: string | null): Verdict {
  if (role === 'open') return 'yes';
  if (identity === null) return 'unauthenticated';
  return isAllowed(identity, role, node) ? 'yes' : 'forbidden';
}

function isAllowed(identity: Identity, role: TokenRole, node: string | null): boolean {
  switch (role) {
    case 'agent':
      return identity.role === 'agent' && (identity.node === null || identity.node === node);
    case 'sweeper':
      return identity.role === 'sweeper';
    case 'viewer':
      return identity.role === 'viewer' || identity.role === 'operator';
    case 'operator':
      return identity.role === 'operator';
  }
}

/** The token of an `Authorization: Bearer …` header; null if the header is missing or something else. */
export function bearerToken(header: string | undefined): string | null {
  return /^bearer +([A-Za-z0-9\-._~+/]{1,8192}={0,2}) *$/i.exec(header ?? '')?.[1] ?? null;
}

/** Whether a stored token may be used at `now`. */
export function isInForce(
  { revokedAt, expiresAt }: Pick<TokenRecord, 'revokedAt' | 'expiresAt'>,
  now: Millis,
): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt);
}

/** What is kept of a token: hex sha256. Tokens are random, so a slow hash would add nothing. */
export function tokenHash(token: string): string {
  return hash('sha256', token);
}

export const tokenRandomBytes = 32;

/** `random` must be {@link tokenRandomBytes} fresh bytes. The prefix lets scanners of leaked secrets know it. */
export function formatToken(role: TokenRole, random: Buffer): string {
  if (random.length !== tokenRandomBytes) throw new Error(`a token needs ${tokenRandomBytes} random bytes`);
  return `hf_${role}_${random.toString('base64url')}`;
}
