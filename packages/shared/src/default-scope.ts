import { parseScope, type Scope } from './scope.ts';

/** The scope that is built in, in the form of a scope file. It is also a start for one's own. */
export const defaultScopeYaml = `version: 1
paths:
  - path: /etc
  - path: /etc/containerd/config.toml
  # Named so that an exclude for /etc does not take them out by the way.
  - path: /etc/cni/net.d
  - path: /etc/systemd/system
  # Calico rewrites the token in it several times a day; who may read it must still not change.
  - path: /etc/cni/net.d/calico-kubeconfig
    attributes: [type, mode, uid, gid]
  - path: /usr/bin
  - path: /usr/sbin
  - path: /usr/local/bin
  # These files only: the kubelet writes pod state beside them. Hosts that are no workers have neither.
  - path: /var/lib/kubelet/config.yaml
    optional: true
  - path: /var/lib/kubelet/kubeadm-flags.env
    optional: true
exclude:
  # A file on old hosts, rewritten at every mount; a link to /proc elsewhere.
  - /etc/mtab
  # Registry hosts and certificates that installers keep in step; the runtime's own configuration stays in.
  - /etc/containerd/**
  # The clock's drift, written at every shutdown.
  - /etc/adjtime
  # LVM writes its metadata history with every volume that a storage driver makes.
  - /etc/lvm/archive/**
  - /etc/lvm/backup/**
  - /etc/lvm/cache/**
  # kubeadm's scratch copies while it upgrades.
  - /etc/kubernetes/tmp/**
  # CUPS rotates its subscription list while it runs.
  - /etc/cups/subscriptions.conf*
  # Vim's swap files live as long as an editor is open; what it saves is seen.
  - /etc/**/.*.sw[a-p]
`;

let parsed: Scope | undefined;

/** Read when it is first asked for: whoever names a scope file needs none. */
export function defaultScope(): Scope {
  return (parsed ??= parseScope(defaultScopeYaml));
}
