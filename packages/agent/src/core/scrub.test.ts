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
  ['kubeadm join abcdef.0123456789abcdef', '0123456789abcdef'],
  ['blob 9f86d081884c7d659a2feaa0c55ad015', '9f86d081'],
  ['blob wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY', 'wJalrX'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\nshort\n-----END RSA PRIVATE KEY-----', 'MIIE'],
  ['-----BEGIN PRIVATE KEY-----\nshort\nand no end', 'no end'],
  ['key: -----BEGIN OPENSSH PRIVATE KEY----- b3 -----END OPENSSH PRIVATE KEY-----', 'b3'],
];

/** Secrets that are not one word after an equals sign. */
const hidden: readonly string[] = [
  'password = "hunter2',
  "'password': 'hunter2'",
  'password => hunter2',
  'password := hunter2',
  '<password>hunter2</password>',
  'password: |\n  x\n\n  hunter2\ny: 1',
  'token: >-\n  hunter2',
  'password: # in the vault\n  hunter2',
  'password = """\nhunter2\n"""',
  'passwords = ["x", "hunter2"]',
  'passwords = [\n"x",\n"hunter2"\n]',
  'passwords:\n- x\n- hunter2',
  '"password":\n  "hunter2"',
  'password: correct hunter2',
  'password: x\n  hunter2',
  'password = x,hunter2',
  'password = "x\\"hunter2"',
  "password = 'x''hunter2'",
  'password=/hunter2',
  'password no hunter2',
  `password = "${'x '.repeat(1200)}\nhunter2"`,
  'ExecStart=x --token \\\n  hunter2',
  'args: ["--token", "hunter2"]',
  '{"name":"DB_PASSWORD","value":"hunter2"}',
  '- name: DB_PASSWORD\n  value: hunter2',
  'Environment="PASSWORD=\\"hunter2\\""',
  'Environment="PASSWORD=it\'s hunter2"',
  'Environment=PASSWORD=x\\ hunter2',
  'SMTP_PASS=hunter2',
  'LUKS_KEY=hunter2',
  'DB_CREDS=hunter2',
  'net.ipv4.tcp_fastopen_key = hunter2-0-0-0',
  'Authorization: Basic hunter2',
  'Authorization = ["Basic hunter2"]',
  'https://user:x/hunter2@registry.example',
  'https://user:x@hunter2@registry.example',
  'root:hunter2@tcp(db:3306)/x',
  'ExecStart=curl -u admin:hunter2 http://localhost',
  '# the password is hunter2',
  'bind_pw hunter2',
  'bindpw=hunter2',
  'rootpw hunter2',
  'Environment=MYSQL_PWD=hunter2',
  'ExecStart=/usr/bin/mysqldump -uroot -phunter2 db',
  'ExecStart=redis-cli -h db -a hunter2 ping',
  'ExecStart=openssl enc -aes-256-cbc -k hunter2',
  'root $6$salt$hunter2.abcdefgh',
  '-----END CERTIFICATE----------BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\n-----END CERTIFICATE-----\nhunter2\n-----END PRIVATE KEY-----',
  '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nhunter2\n---- END SSH2 ENCRYPTED PRIVATE KEY ----',
];

/** Lines of real configuration that an operator has to see as they are. */
const plain: readonly string[] = [
  'PasswordAuthentication no',
  'PermitEmptyPasswords yes',
  'PermitRootLogin prohibit-password',
  'ExecStart=/usr/bin/kubelet --token-auth-file /etc/kubernetes/tokens --v 2',
  'After=systemd-ask-password.path network.target',
  'passwordFile: ""',
  'authorization:',
  '  mode: Webhook',
  'image = "http://localhost:5000/pause@sha256"',
  'AuthorizedKeysFile .ssh/authorized_keys',
  'AllowUsers ada grace',
  'HostKey /etc/ssh/ssh_host_ed25519_key',
  'net.ipv4.conf.all.rp_filter = 1',
  'kernel.unprivileged_bpf_disabled=2',
  'ExecStart=/usr/bin/containerd --config /etc/containerd/config.toml',
  'SystemdCgroup = true',
  'ExecStart=/usr/sbin/mysqld --port 3306',
  'WorkingDirectory=/srv/pw/data',
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

  for (const text of hidden) {
    it(`finds where the value ends in ${JSON.stringify(text.slice(0, 50))}`, () => {
      assert.doesNotMatch(scrub(text).text, /hunter2/);
    });
  }

  it('shows what follows a value', () => {
    const texts = [
      'password: |\n  x\nshown: 1',
      'password=\nshown=1',
      'p = ["--token",\n"x"]\nshown',
      'a:\n  - password: x\n    shown: 1',
    ];
    for (const text of texts) assert.match(scrub(text).text, /shown/);
  });

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
      '-----BEGIN A-----'.repeat(3800),
      'a:'.repeat(990) + '@',
      `${'-u a '.repeat(400)}\n`.repeat(30),
      `${'password=no;'.repeat(160)}\n`.repeat(30),
      'password:\n'.repeat(6000),
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
