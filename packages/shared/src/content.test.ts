import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentFilter, defaultContentPaths, isContentDenied } from './content.ts';

const secretAsAWhole = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/security/opasswd',
  '/etc/ssh/ssh_host_ed25519_key',
  '/etc/ssh/ssh_host_rsa_key.bak',
  '/etc/kubernetes/admin.conf',
  '/etc/kubernetes/pki/etcd/ca.crt',
  '/etc/rancher/k3s/k3s.yaml',
  '/etc/ssl/private/x',
  '/etc/NetworkManager/system-connections/wifi.nmconnection',
  '/etc/wireguard/wg0.conf',
  '/etc/krb5.keytab',
  '/var/lib/kubelet/pki/kubelet.crt',
  '/var/lib/kubelet/kubeconfig',
  '/var/lib/kubelet/bootstrap-kubeconfig.yaml',
  '/root/.kube/config',
  '/srv/ada/.docker/config.json',
  '/srv/ada/.netrc',
  '/srv/ada/.ssh/id_ed25519',
  '/srv/tls/server.KEY',
  '/srv/tls/server.pem',
  '/opt/x/Credentials.json',
  '/opt/x/db-password',
  '/etc/systemd/system/x.service.d/token.conf',
  '/var/run/secrets/token',
];

test('no allow-list names what is secret as a whole', () => {
  const isAllowed = contentFilter(['/**']);
  for (const path of secretAsAWhole) {
    assert.ok(isContentDenied(path), path);
    assert.ok(!isAllowed(path), path);
  }
});

test('by default the configuration of sshd, systemd, containerd, kubelet and sysctl is told of, and nothing else', () => {
  const isAllowed = contentFilter(defaultContentPaths);
  for (const path of [
    '/etc/ssh/sshd_config',
    '/etc/ssh/sshd_config.d/10-site.conf',
    '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf',
    '/etc/containerd/config.toml',
    '/var/lib/kubelet/config.yaml',
    '/var/lib/kubelet/kubeadm-flags.env',
    '/etc/sysctl.d/99-kubernetes.conf',
  ]) {
    assert.ok(isAllowed(path), path);
  }
  for (const path of ['/etc/passwd', '/etc/ssh/ssh_config', '/etc/hosts', '/root/.bashrc']) {
    assert.ok(!isAllowed(path), path);
  }
});
