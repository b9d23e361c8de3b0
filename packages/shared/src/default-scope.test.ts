import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultScope } from './default-scope.ts';
import { compileScope } from './scope.ts';

const scope = compileScope(defaultScope());

test('the mission’s paths are in', () => {
  for (const path of [
    '/etc/passwd',
    '/etc/containerd/config.toml',
    '/etc/cni/net.d/10-calico.conflist',
    '/etc/systemd/system/kubelet.service',
    '/etc/kubernetes/manifests/kube-apiserver.yaml',
    '/usr/bin/env',
    '/usr/sbin/sshd',
    '/usr/local/bin/x',
    '/var/lib/kubelet/config.yaml',
    '/var/lib/kubelet/kubeadm-flags.env',
  ]) {
    assert.ok(scope.match(path), path);
  }
});

test('known noise is out, and only that', () => {
  for (const path of [
    '/etc/mtab',
    '/etc/adjtime',
    '/etc/containerd/certs.d',
    '/etc/containerd/certs.d/docker.io/hosts.toml',
    '/etc/lvm/backup/vg0',
    '/etc/kubernetes/tmp/x',
    '/etc/ssh/.sshd_config.swp',
    '/etc/.fstab.swo',
    '/etc/cups/subscriptions.conf.O',
    '/var/lib/kubelet/pods/x',
    '/usr/lib/x',
  ]) {
    assert.equal(scope.match(path), null, path);
  }
  for (const path of ['/etc/mtab.d', '/etc/x.swp', '/etc/lvm/lvm.conf', '/etc/kubernetes/admin.conf']) {
    assert.ok(scope.match(path), path);
  }
});

test('of what Calico rewrites only who may read it counts', () => {
  const rule = scope.match('/etc/cni/net.d/calico-kubeconfig');
  assert.deepEqual([...(rule?.attributes ?? [])], ['type', 'mode', 'uid', 'gid']);
  assert.ok(scope.match('/etc/cni/net.d/calico-kubeconfig2')?.attributes.has('sha256'));
});
