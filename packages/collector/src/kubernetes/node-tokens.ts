/**
 * Tokens of Kubernetes as the collector takes them. Verdicts are kept for a short while, by the hash of the token, so
 * that a fleet's heartbeats are not each a request to the API server. While that cannot be asked, what is kept holds
 * for its time, and nothing else is taken.
 */
import { decodeJwt } from 'jose';
import type { Logger } from 'pino';
import { type Identity, tokenHash } from '#core/auth';
import type { Millis } from '#core/node-state';
import {
  expiryOf,
  identityOf,
  nodeOfPod,
  subjectOfClaims,
  type SubjectVerdict,
  type TokenSubject,
} from '#core/node-token';
import { ApiServer, KubernetesUnavailableError } from './api-server.ts';
import type { KubernetesConfig } from './options.ts';
import { clockSkewMs, signedTokens, type VerifySigned } from './signed-tokens.ts';
import { reviewToken } from './token-review.ts';

export type NodeTokenVerdict =
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface NodeTokens extends AsyncDisposable {
  verify(token: string): Promise<NodeTokenVerdict>;
}

/** Two a node while tokens rotate, for the largest fleet. */
export const maxKeptVerdicts = 20_000;
/** A refusal is forgotten sooner: pods and keys may be younger than what the API server just knew. */
const refusalKeptMs = 10_000;
/** After a failure, how long the API server is left alone. */
const restMs = 2000;
/** More at a time wait for nothing: they are told to come back. */
const maxAsking = 4096;
const sayAgainMs = 3_600_000;

interface Kept {
  readonly verdict: NodeTokenVerdict;
  readonly until: Millis;
}

export interface NodeTokenParts {
  readonly log: Logger;
  readonly clock: () => Millis;
}

export function kubernetesTokens(config: KubernetesConfig, parts: NodeTokenParts): NodeTokens {
  return new KubernetesTokens(config, parts);
}

class KubernetesTokens implements NodeTokens {
  readonly #config: KubernetesConfig;
  readonly #parts: NodeTokenParts;
  readonly #api: ApiServer;
  readonly #verifySigned: VerifySigned | null;
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<NodeTokenVerdict>>();
  #restUntil = 0;
  #restReason = '';
  #saidWithoutNodeAt: Millis | null = null;

  constructor(config: KubernetesConfig, parts: NodeTokenParts) {
    this.#config = config;
    this.#parts = parts;
    this.#api = new ApiServer(config.api);
    this.#verifySigned = config.oidc && signedTokens(config.oidc, config.policy, this.#api);
  }

  async verify(token: string): Promise<NodeTokenVerdict> {
    const now = this.#parts.clock();
    const hash = tokenHash(token);
    const kept = this.#kept.get(hash);
    if (kept && kept.until > now) return kept.verdict;
    const asked = this.#asking.get(hash);
    if (asked) return asked;
    // What the token says of itself is not to be trusted, but is enough to refuse it without asking anybody.
    const claims = claimsOf(token);
    const claimed = subjectOfClaims(claims, this.#config.policy, now, clockSkewMs);
    if (claimed.kind === 'refused') return claimed;
    if (now < this.#restUntil) return { kind: 'unavailable', reason: this.#restReason };
    if (this.#asking.size >= maxAsking)
      return { kind: 'unavailable', reason: 'too many tokens are being looked at' };
    const asking = this.#ask(token, now);
    this.#asking.set(hash, asking);
    try {
      const verdict = await asking;
      this.#keep(hash, verdict, expiryOf(claims) ?? now);
      return verdict;
    } finally {
      this.#asking.delete(hash);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#api[Symbol.asyncDispose]();
  }

  async #ask(token: string, now: Millis): Promise<NodeTokenVerdict> {
    try {
      const verdict: SubjectVerdict = this.#verifySigned
        ? await this.#verifySigned(token, now)
        : await reviewToken(this.#api, token, this.#config.policy);
      return verdict.kind === 'refused' ? verdict : await this.#identify(verdict.subject);
    } catch (error) {
      if (!(error instanceof KubernetesUnavailableError)) throw error;
      this.#restUntil = this.#parts.clock() + restMs;
      this.#restReason = error.message;
      this.#parts.log.error({ err: error }, 'tokens of Kubernetes cannot be verified');
      return { kind: 'unavailable', reason: error.message };
    }
  }

  async #identify(subject: TokenSubject): Promise<NodeTokenVerdict> {
    if (subject.node !== null) return this.#accepted(subject, subject.node);
    this.#sayWithoutNode(subject);
    switch (this.#config.policy.withoutNode) {
      case 'refuse':
        return {
          kind: 'refused',
          reason: 'it names no node (Kubernetes before 1.30), see HOLDFAST_KUBERNETES_WITHOUT_NODE',
        };
      case 'pod':
        return this.#identifyByPod(subject);
      case 'any':
        return this.#accepted(subject, null);
    }
  }

  async #identifyByPod(subject: TokenSubject): Promise<NodeTokenVerdict> {
    if (subject.pod === null) return { kind: 'refused', reason: 'it names neither a node nor a pod' };
    const { namespace, name } = subject.pod;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    const { status, body } = await this.#api.ask('GET', path);
    if (status === 404) return { kind: 'refused', reason: 'its pod is gone' };
    const node = status === 200 ? nodeOfPod(body, subject) : null;
    if (node === null) {
      throw new KubernetesUnavailableError(
        `the API server answered ${status} when asked for a pod: the collector's service account must be allowed to get pods in ${namespace}`,
      );
    }
    return typeof node === 'string' ? this.#accepted(subject, node) : node;
  }

  #accepted(subject: TokenSubject, node: string | null): NodeTokenVerdict {
    const { account, pod } = subject;
    this.#parts.log.debug(
      { account, node, pod: pod?.name, podUid: pod?.uid },
      'a token of Kubernetes is good',
    );
    return { kind: 'identity', identity: identityOf(subject, node) };
  }

  #sayWithoutNode({ account }: TokenSubject): void {
    const now = this.#parts.clock();
    if (this.#saidWithoutNodeAt !== null && now - this.#saidWithoutNodeAt < sayAgainMs) return;
    this.#saidWithoutNodeAt = now;
    const { withoutNode } = this.#config.policy;
    this.#parts.log.warn({ account, withoutNode }, 'tokens of this cluster name no node');
  }

  #keep(hash: string, verdict: NodeTokenVerdict, expiry: Millis): void {
    if (verdict.kind === 'unavailable') return;
    const now = this.#parts.clock();
    const keptMs = verdict.kind === 'refused' ? refusalKeptMs : this.#config.cacheMs;
    this.#kept.delete(hash);
    this.#kept.set(hash, { verdict, until: Math.min(now + keptMs, expiry) });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxKeptVerdicts) break;
      this.#kept.delete(oldest);
    }
  }
}

/** Unverified. */
function claimsOf(token: string): unknown {
  try {
    return decodeJwt(token);
  } catch {
    return null;
  }
}
