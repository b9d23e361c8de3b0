import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxLineLength, scrub } from './scrub.ts';

/** Texts with a secret in each, that must be gone afterwards. */
const secrets: readonly [text: string, secret: string][] = [
  ['password = hunter2', 'hunter2'],
  ['password = 123456', '123456'],
  ['    password: "correct horse battery"', 'correct horse'],
  ["identitytoken = 'abc'", 'abc'],
  ['auth = "dXNlcjpwYXNz"', 'dXNlcjpwYXNz'],
  ['Environment="DB_PASSWORD=hunter2" "X=1"', 'hunter2'],
  ['Environment="DB_PASSWORD=correct horse"', 'horse'],
  ['Environment=API_KEY=hunter2', 'hunter2'],
  ['ExecStart=/usr/bin/x --client-secret=hunter2 --port 1', 'hunter2'],
  ['ExecStart=/usr/bin/x --token hunter2', 'hunter2'],
  ['{"registry":{"password":"hunter2"}}', 'hunter2'],
  ['endpoint = "https://user:hunter2@registry.example"', 'hunter2'],
  ['x = AKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE'],
  ['h: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', 'eyJzdWIi'],
  ['note hvs.CAESIJ1234567890abcdefghij', 'CAESIJ'],
  ['blob 9f86d081884c7d659a2feaa0c55ad015', '9f86d081'],
  ['blob wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY', 'wJalrX'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\nshort\n-----END RSA PRIVATE KEY-----', 'MIIE'],
  ['-----BEGIN PRIVATE KEY-----\nshort\nand no end', 'no end'],
  ['key: -----BEGIN OPENSSH PRIVATE KEY----- b3 -----END OPENSSH PRIVATE KEY-----', 'b3'],
];

/** Lines of real configuration that an operator has to see as they are. */
const plain: readonly string[] = [
  'PasswordAuthentication no',
  'PermitEmptyPasswords yes',
  'PermitRootLogin prohibit-password',
  'AuthorizedKeysFile .ssh/authorized_keys',
  'AllowUsers ada grace',
  'HostKey /etc/ssh/ssh_host_ed25519_key',
  'net.ipv4.conf.all.rp_filter = 1',
  'kernel.unprivileged_bpf_disabled=2',
  'ExecStart=/usr/bin/containerd --config /etc/containerd/config.toml',
  'SystemdCgroup = true',
  'clientCAFile: /etc/kubernetes/pki/ca.crt',
  'rotateCertificates: true',
  'cacheTTL: 2m0s',
  'tokenFile: /var/run/secrets/token',
  'sandbox_image = "registry.k8s.io/pause:3.10"',
  'ref: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  'After=network-online.target containerd.service systemd-networkd-wait-online.service',
  'Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com',
  'KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256',
];

describe('scrub', () => {
  for (const [text, secret] of secrets) {
    it(`takes the secret out of ${JSON.stringify(text.slice(0, 50))}`, () => {
      const scrubbed = scrub(text);
      assert.ok(!scrubbed.text.includes(secret), scrubbed.text);
      assert.ok(scrubbed.replaced > 0);
    });
  }

  it('leaves what sshd, systemd, containerd, the kubelet and sysctl are told', () => {
    const text = plain.join('\n');
    assert.deepEqual(scrub(text).text.split('\n'), plain);
  });

  it('keeps the number of lines but for blocks, so that a difference shows where it is', () => {
    const text = 'a\npassword = x1\n\nb\n';
    assert.equal(scrub(text).text, 'a\npassword = [scrubbed: 2 characters]\n\nb\n');
  });

  it('cuts lines that nobody reads, and says so', () => {
    const { text } = scrub('ab '.repeat(maxLineLength));
    assert.ok(text.length < maxLineLength + 100);
    assert.match(text, / \[\d+ characters more\]$/);
  });

  it('takes time in proportion to hostile text', () => {
    const hostile = [
      'password '.repeat(7000),
      'a'.repeat(65_000),
      '-----BEGIN '.repeat(5000),
      'x:'.repeat(30_000),
      'a=\n'.repeat(20_000),
    ];
    for (const text of hostile) {
      const start = process.cpuUsage();
      scrub(text);
      const { user } = process.cpuUsage(start);
      assert.ok(user < 1_000_000, `${user} µs for ${JSON.stringify(text.slice(0, 20))}`);
    }
  });
});
