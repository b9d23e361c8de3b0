/**
 * Whom a service-account token of Kubernetes speaks for. Rules, in order:
 * 1. The token must be meant for us (audience), be alive, and belong to a service account that the configuration names.
 * 2. The node is the one that the token itself names. It may speak for that node only.
 * 3. Kubernetes before 1.30 names none. What then holds is configured: nobody, the node of the token's pod, or any.
 *
 * Shapes: KEP-4193 (claim `kubernetes.io`, extra `authentication.kubernetes.io/node-name`), TokenReview of
 * authentication.k8s.io/v1.
 */
import { NodeName } from '@holdfast/shared/wire';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';
import type { Identity } from '#core/auth';
import type { Millis } from '#core/node-state';

/** What holds where the token names no node. */
export const withoutNodeChoices = ['refuse', 'pod', 'any'] as const;
export type WithoutNode = (typeof withoutNodeChoices)[number];

export interface NodeTokenPolicy {
  readonly audience: string;
  /** `NAMESPACE/NAME` of each service account that agents run as. */
  readonly serviceAccounts: readonly string[];
  readonly withoutNode: WithoutNode;
}

export interface PodReference {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What a token that was found to be good says. */
export interface TokenSubject {
  /** `NAMESPACE/NAME`. */
  readonly account: string;
  readonly node: string | null;
  readonly pod: PodReference | null;
}

export interface Refused {
  readonly kind: 'refused';
  /** For people; ends no sentence. Holds nothing of the token. */
  readonly reason: string;
}

export type SubjectVerdict = { readonly kind: 'subject'; readonly subject: TokenSubject } | Refused;

const ObjectName = Type.Object({ name: Type.String() });

const TokenClaims = Type.Object({
  sub: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  exp: Type.Number(),
  'kubernetes.io': Type.Optional(
    Type.Object({
      node: Type.Optional(ObjectName),
      pod: Type.Optional(Type.Object({ name: Type.String(), uid: Type.String() })),
    }),
  ),
});

const TokenReview = Type.Object({
  status: Type.Object({
    authenticated: Type.Optional(Type.Boolean()),
    audiences: Type.Optional(Type.Array(Type.String())),
    user: Type.Optional(
      Type.Object({
        username: Type.Optional(Type.String()),
        extra: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
      }),
    ),
  }),
});

const Pod = Type.Object({
  metadata: Type.Object({ uid: Type.String() }),
  spec: Type.Object({
    nodeName: Type.Optional(Type.String()),
    serviceAccountName: Type.Optional(Type.String()),
  }),
});

const claimsShape = shapeOf(TokenClaims);
const reviewShape = shapeOf(TokenReview);
const podShape = shapeOf(Pod);
const nodeShape = shapeOf(NodeName);

/** Reads claims, whoever vouches for them. `now` and `skewMs` are for the expiry. */
export function subjectOfClaims(
  claims: unknown,
  policy: NodeTokenPolicy,
  now: Millis,
  skewMs: number,
): SubjectVerdict {
  if (!claimsShape.check(claims)) return refused('it is not a service-account token of Kubernetes');
  if (![claims.aud].flat().includes(policy.audience)) return wrongAudience(policy);
  if (claims.exp * 1000 + skewMs <= now) return refused('it has expired');
  const { node, pod } = claims['kubernetes.io'] ?? {};
  return subjectOf(claims.sub, node?.name ?? null, pod ?? null, policy);
}

/** When the token of these claims ends; null if they do not say. */
export function expiryOf(claims: unknown): Millis | null {
  return claimsShape.check(claims) ? claims.exp * 1000 : null;
}

/** Reads the API server's answer. Null if it is no TokenReview. */
export function subjectOfReview(review: unknown, policy: NodeTokenPolicy): SubjectVerdict | null {
  if (!reviewShape.check(review)) return null;
  const { authenticated = false, audiences = [], user = {} } = review.status;
  if (!authenticated) return refused('Kubernetes does not know it, or it was revoked');
  // An authenticator that knows no audiences leaves them out: then nobody said that the token is meant for us.
  if (!audiences.includes(policy.audience)) return wrongAudience(policy);
  const extra = (name: string) => user.extra?.[`authentication.kubernetes.io/${name}`]?.[0] ?? null;
  const [name, uid] = [extra('pod-name'), extra('pod-uid')];
  const pod = name !== null && uid !== null ? { name, uid } : null;
  return subjectOf(user.username ?? '', extra('node-name'), pod, policy);
}

/** The node that the pod runs on, if it is still the pod of which the token speaks. Null if this is no pod. */
export function nodeOfPod(pod: unknown, subject: TokenSubject): string | Refused | null {
  if (!podShape.check(pod)) return null;
  const { namespace } = subject.pod!;
  const isSame =
    pod.metadata.uid === subject.pod!.uid &&
    `${namespace}/${pod.spec.serviceAccountName}` === subject.account;
  if (!isSame) return refused('its pod is gone');
  const node = pod.spec.nodeName ?? null;
  return node !== null && nodeShape.check(node) ? node : refused('its pod runs on no node yet');
}

/** `node` null: any node. */
export function identityOf({ account }: TokenSubject, node: string | null): Identity {
  return { name: node === null ? account : `${account}@${node}`, role: 'agent', node };
}

/** Whether the token has the form of a JWT; ours have no dots. */
export function looksLikeJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

function subjectOf(
  username: string,
  node: string | null,
  pod: { readonly name: string; readonly uid: string } | null,
  { serviceAccounts }: NodeTokenPolicy,
): SubjectVerdict {
  const [namespace, name] = /^system:serviceaccount:([^:/]+):([^:/]+)$/.exec(username)?.slice(1) ?? [];
  const account = `${namespace}/${name}`;
  if (!namespace || !serviceAccounts.includes(account))
    return refused('its service account is not one that agents run as');
  if (node !== null && !nodeShape.check(node)) return refused('it names a node that cannot be one');
  return { kind: 'subject', subject: { account, node, pod: pod && { namespace, ...pod } } };
}

function wrongAudience({ audience }: NodeTokenPolicy): Refused {
  return refused(`it is not meant for the audience "${audience}"`);
}

function refused(reason: string): Refused {
  return { kind: 'refused', reason };
}
