/**
 * The content of a few small text files, so that an operator sees what changed inside. It leaves a node only if its path is on
 * the allow-list and not on the deny-list, after secrets were scrubbed on the node; see the agent's core/scrub.ts.
 *
 * An agent tells which contents it has (the index: complete, not a difference), the collector answers which texts it
 * lacks, and the agent sends those, each by the digest of its scrubbed form.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { compileGlob } from './glob.ts';
import { Digest, PathText, strict } from './wire-values.ts';

/** Bytes of one file, before it is scrubbed. Larger ones are withheld. */
export const maxContentBytes = 64 * 1024;
/** Files of one node. The first by path are told of; the others count as not listed. */
export const maxContents = 1000;

/** Why a file on the allow-list is not told of. */
export const withheldByAgent = ['too-large', 'not-text', 'unreadable'] as const;

export const ContentItem = Type.Object(
  {
    path: PathText,
    /** Of the file's bytes, as its entry has it. */
    sha256: Digest,
    /** Of the scrubbed text; null if it is withheld. */
    text: Type.Union([Digest, Type.Null()]),
    withheld: Type.Union([Type.Enum([...withheldByAgent]), Type.Null()]),
  },
  strict,
);
export type ContentItem = Static<typeof ContentItem>;

export const ContentIndex = Type.Object(
  { contents: Type.Array(ContentItem, { maxItems: maxContents }) },
  strict,
);
export type ContentIndex = Static<typeof ContentIndex>;

/** The digests of texts that the collector lacks. */
export const ContentAnswer = Type.Object({ missing: Type.Array(Digest, { maxItems: maxContents }) });
export type ContentAnswer = Static<typeof ContentAnswer>;

/** What sshd, systemd, containerd, the kubelet and the kernel are told: small, and read by whoever looks into a drift. */
export const defaultContentPaths: readonly string[] = [
  '/etc/ssh/sshd_config',
  '/etc/ssh/sshd_config.d/*.conf',
  '/etc/systemd/*.conf',
  '/etc/systemd/*.conf.d/*.conf',
  '/etc/systemd/system/**',
  '/etc/containerd/config.toml',
  '/var/lib/kubelet/config.yaml',
  '/var/lib/kubelet/kubeadm-flags.env',
  '/etc/default/kubelet',
  '/etc/sysctl.conf',
  '/etc/sysctl.d/*.conf',
];

/** Never told of, whatever the allow-list says: what these hold is secret as a whole. */
export const deniedContentPaths: readonly string[] = [
  '/etc/{shadow,gshadow}*',
  '/etc/security/opasswd*',
  '/etc/ssh/*_key',
  '/etc/ssh/*_key.*',
  '/etc/kubernetes/*.conf',
  '/etc/kubernetes/pki/**',
  '/etc/rancher/**',
  '/etc/ssl/private/**',
  '/etc/NetworkManager/system-connections/**',
  '/etc/wireguard/**',
  '/etc/krb5.keytab',
  '/var/lib/kubelet/pki/**',
  '/**/*.{key,pem,p12,pfx,jks,keytab,kubeconfig}',
  '/**/.{kube,docker,aws,gnupg}/**',
  '/**/.{netrc,pgpass,htpasswd}',
  '/**/{id_rsa,id_dsa,id_ecdsa,id_ed25519}*',
  '/**/*{kubeconfig,credential,secret,password,passwd,token}*',
];

const denied = deniedContentPaths.map(compileGlob);

/** Whether the content of no node may be told of at this path. */
export function isContentDenied(path: string): boolean {
  const lower = path.toLowerCase();
  return denied.some((glob) => glob.matches(path) || glob.matches(lower));
}

/** Whether content may be told of at a path, by globs that `globProblem` finds nothing wrong with. */
export function contentFilter(allowed: readonly string[]): (path: string) => boolean {
  const globs = allowed.map(compileGlob);
  return (path) => globs.some((glob) => glob.matches(path)) && !isContentDenied(path);
}
