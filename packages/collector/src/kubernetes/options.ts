/** The options by which nodes identify themselves with tokens of Kubernetes. */
import { httpUrl, listOf, matching, oneOf, path, wholeNumber } from '@holdfast/shared/option-parsers';
import { option, type OptionValues, type Parser } from '@holdfast/shared/options';
import { type NodeTokenPolicy, withoutNodeChoices } from '#core/node-token';

const inPod = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A token goes there, so it must be encrypted. */
function httpsUrl(): Parser<URL> {
  const parse = httpUrl();
  return (text) => {
    const parsed = parse(text);
    if ('problem' in parsed || parsed.value.protocol === 'https:') return parsed;
    return { problem: 'must begin with https://' };
  };
}

export const kubernetesOptions = {
  kubernetesAuth: option({
    doc: 'How service-account tokens of agents are verified: not at all, by asking the API server (it knows revocation), or by the keys of the cluster.',
    placeholder: 'off|token-review|oidc',
    parse: oneOf(['off', 'token-review', 'oidc']),
    default: 'off',
  }),
  kubernetesAudience: option({
    doc: 'The audience that tokens must be meant for.',
    placeholder: 'TEXT',
    parse: matching(/[\x21-\x7e]{1,253}/, 'up to 253 printable characters without blanks'),
    default: 'holdfast',
  }),
  kubernetesServiceAccounts: option({
    doc: 'Service accounts that agents run as; tokens of others are refused.',
    placeholder: 'NAMESPACE/NAME,…',
    parse: listOf(matching(/[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}/, 'a list of NAMESPACE/NAME')),
    default: ['holdfast/holdfast-agent'],
  }),
  kubernetesWithoutNode: option({
    doc: 'What holds where a token names no node (Kubernetes before 1.30): refuse it, take the node of its pod, or let it speak for any.',
    placeholder: 'refuse|pod|any',
    parse: oneOf(withoutNodeChoices),
    default: 'refuse',
  }),
  kubernetesCacheSeconds: option({
    doc: 'How long a token that was found good is not looked at again; a revocation is noticed after this long.',
    placeholder: 'SECONDS',
    parse: wholeNumber({ min: 0, max: 3600 }),
    default: 60,
  }),
  kubernetesApiUrl: option({
    doc: 'The API server.',
    placeholder: 'URL',
    parse: httpsUrl(),
    default: new URL('https://kubernetes.default.svc'),
    defaultText: 'https://kubernetes.default.svc',
  }),
  kubernetesApiCaFile: option({
    doc: 'Certificate authority (PEM) of the API server. Read again when it changes.',
    placeholder: 'FILE',
    parse: path(),
    default: `${inPod}/ca.crt`,
  }),
  kubernetesApiTokenFile: option({
    doc: 'Token with which the API server is asked. Read each time.',
    placeholder: 'FILE',
    parse: path(),
    default: `${inPod}/token`,
  }),
  kubernetesIssuer: option({
    doc: 'For oidc: the issuer of tokens, as the API server is told by --service-account-issuer.',
    placeholder: 'TEXT',
    parse: matching(/[\x21-\x7e]{1,1000}/, 'a URL or another text without blanks'),
    default: 'https://kubernetes.default.svc.cluster.local',
  }),
  kubernetesJwksUrl: option({
    doc: "For oidc: where the cluster's keys are; the API server if neither this nor a file is set.",
    placeholder: 'URL',
    parse: httpsUrl(),
  }),
  kubernetesJwksFile: option({
    doc: "For oidc: a file with the cluster's keys (JWKS). Read again every 10 minutes, and when a key is missing.",
    placeholder: 'FILE',
    parse: path(),
  }),
} as const;

type Values = OptionValues<typeof kubernetesOptions>;

export type KeySource =
  | { readonly kind: 'api-server' }
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'file'; readonly path: string };

export interface KubernetesConfig {
  readonly policy: NodeTokenPolicy;
  readonly cacheMs: number;
  readonly api: { readonly url: URL; readonly caFile: string; readonly tokenFile: string };
  /** Null: tokens are reviewed by the API server. */
  readonly oidc: { readonly issuer: string; readonly keys: KeySource } | null;
}

/** Null where tokens of Kubernetes are not taken. */
export function kubernetesConfigOf(values: Values): KubernetesConfig | null {
  if (values.kubernetesAuth === 'off') return null;
  return {
    policy: {
      audience: values.kubernetesAudience,
      serviceAccounts: values.kubernetesServiceAccounts,
      withoutNode: values.kubernetesWithoutNode,
    },
    cacheMs: values.kubernetesCacheSeconds * 1000,
    api: {
      url: values.kubernetesApiUrl,
      caFile: values.kubernetesApiCaFile,
      tokenFile: values.kubernetesApiTokenFile,
    },
    oidc:
      values.kubernetesAuth === 'oidc'
        ? { issuer: values.kubernetesIssuer, keys: keySourceOf(values) }
        : null,
  };
}

/** What is wrong between options that are each well formed. */
export function checkKubernetes(values: Values, nameOf: (name: keyof Values) => string): string[] {
  const problems: string[] = [];
  if (values.kubernetesJwksUrl !== null && values.kubernetesJwksFile !== null)
    problems.push(`${nameOf('kubernetesJwksFile')}: cannot be set beside ${nameOf('kubernetesJwksUrl')}`);
  const hasKeys = values.kubernetesJwksUrl !== null || values.kubernetesJwksFile !== null;
  if (hasKeys && values.kubernetesAuth !== 'oidc')
    problems.push(
      `${nameOf(values.kubernetesJwksUrl === null ? 'kubernetesJwksFile' : 'kubernetesJwksUrl')}: needs ${nameOf('kubernetesAuth')} to be oidc`,
    );
  if (values.kubernetesAuth !== 'off' && values.kubernetesServiceAccounts.length === 0)
    problems.push(`${nameOf('kubernetesServiceAccounts')}: must name at least one`);
  return problems;
}

function keySourceOf({ kubernetesJwksUrl: url, kubernetesJwksFile: file }: Values): KeySource {
  if (url !== null) return { kind: 'url', url };
  return file === null ? { kind: 'api-server' } : { kind: 'file', path: file };
}
