/** The SSH lockdown, in a scratch root with a real sshd and real logins; only systemctl is a stand-in, that runs that sshd. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { defaultScope } from '@holdfast/shared/default-scope';
import { parse } from 'yaml';
import { freePort, projectRoot } from './harness/process.ts';
import { longestStallMs, waitFor } from './harness/wait.ts';
import { needMount, needRoot, needTool } from './need.ts';

const script = join(projectRoot, 'deploy/hardening/harden-ssh.sh');
const skip =
  needRoot() ||
  needTool('sshd', 'apt-get install -y openssh-server') ||
  needTool('ssh', 'apt-get install -y openssh-client');

/** Restarts the scratch root's sshd, and notes every call. */
const systemctl = `#!/bin/sh
echo "$*" >>"$SCRATCH/systemctl.log"
stop() { if [ -f "$SCRATCH/sshd.pid" ]; then kill "$(cat "$SCRATCH/sshd.pid")" 2>/dev/null; rm -f "$SCRATCH/sshd.pid"; fi; }
case "$*" in
  "restart ssh.service")
    stop
    for _ in 1 2 3 4 5; do
      /usr/sbin/sshd -f "$SCRATCH/etc/ssh/sshd_config" -E "$SCRATCH/sshd.log" && exit 0
      sleep 0.2
    done
    exit 1 ;;
  "disable --now ssh.service") stop ;;
esac
`;

class Host implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-ssh-'));
  readonly port: number;

  static async start(): Promise<Host> {
    return new Host(await freePort());
  }

  private constructor(port: number) {
    this.port = port;
    const at = (path: string) => join(this.root, path);
    for (const path of ['etc/ssh/sshd_config.d', 'bin', 'run']) mkdirSync(at(path), { recursive: true });
    mkdirSync('/run/sshd', { recursive: true });
    chmodSync(this.root, 0o755);
    for (const key of ['host_key', 'user_key'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
    writeFileSync(at('authorized_keys'), readFileSync(at('user_key.pub')), { mode: 0o600 });
    writeFileSync(at('bin/systemctl'), systemctl, { mode: 0o755 });
    symlinkSync(script, at('bin/harden-ssh.sh'));
    this.configure('');
    this.systemctl('restart', 'ssh.service');
  }

  /** `more` stands in sshd_config itself, after the drop-ins. */
  configure(more: string): void {
    const lines = [
      `Include ${this.root}/etc/ssh/sshd_config.d/*.conf`,
      'ListenAddress 127.0.0.1',
      `Port ${this.port}`,
      `HostKey ${this.root}/host_key`,
      `PidFile ${this.root}/sshd.pid`,
      `AuthorizedKeysFile ${this.root}/authorized_keys`,
      'StrictModes no',
      'UsePAM no',
      more,
    ];
    writeFileSync(join(this.root, 'etc/ssh/sshd_config'), `${lines.join('\n')}\n`);
  }

  dropIn(name: string): string {
    return join(this.root, 'etc/ssh/sshd_config.d', name);
  }

  get environment(): NodeJS.ProcessEnv {
    return { PATH: `${this.root}/bin:/usr/sbin:/usr/bin:/sbin:/bin`, SCRATCH: this.root };
  }

  harden(...args: string[]) {
    const ran = spawnSync(script, ['--root', this.root, ...args], {
      env: this.environment,
      encoding: 'utf8',
    });
    return { exit: ran.status, output: ran.stdout + ran.stderr };
  }

  /** Begins, and does not wait for the end. */
  hardenMeanwhile(...args: string[]) {
    const child = spawn(script, ['--root', this.root, ...args], { env: this.environment });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => void child.on('close', (code) => resolve(code)));
    return { child, ended, output: () => output };
  }

  login(command: string, options: readonly string[] = []) {
    const ran = spawnSync('ssh', this.#sshArgs(command, options), {
      encoding: 'utf8',
      timeout: longestStallMs,
    });
    return { exit: ran.status, output: ran.stdout + ran.stderr };
  }

  /** Resolves to what it printed, once it has ended. */
  loginMeanwhile(command: string): Promise<string> {
    const child = spawn('ssh', this.#sshArgs(command, []), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve) => void child.on('close', () => resolve(output)));
  }

  #sshArgs(command: string, options: readonly string[]): string[] {
    const ssh = [
      '-p',
      String(this.port),
      '-i',
      `${this.root}/user_key`,
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'BatchMode=yes',
    ];
    const trust = [
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'ConnectTimeout=60', // to the end of the key exchange, on a machine that may stand still
    ];
    return ['-F', 'none', ...ssh, ...trust, ...options, 'root@127.0.0.1', command];
  }

  /** The command that a person runs in the login from outside. */
  confirm(...more: string[]) {
    return this.login(
      `PATH=${this.root}/bin:$PATH ${script} --root ${this.root} --confirm ${more.join(' ')}`,
    );
  }

  /** What systemctl was asked for since the last look. */
  calls(): string[] {
    const file = join(this.root, 'systemctl.log');
    const calls = readFileSync(file, 'utf8').trim().split('\n');
    writeFileSync(file, '');
    return calls;
  }

  systemctl(...args: string[]): void {
    execFileSync(join(this.root, 'bin/systemctl'), args, { env: this.environment });
  }

  [Symbol.dispose](): void {
    this.systemctl('disable', '--now', 'ssh.service');
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Fails to mask, as systemctl does where a file of the site's own is in the place of the unit. */
const withoutMask = systemctl.replace('case "$*" in', 'case "$*" in\n  "mask ssh.socket") exit 1 ;;');

const conf = '99-hardening.conf';

async function hardened(host: Host, ...more: string[]): Promise<void> {
  const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60', ...more);
  await waitFor('the wait for a login', () =>
    Promise.resolve(running.output().includes('now log in from outside')),
  );
  const confirmed = host.confirm('--from-anywhere');
  assert.equal(confirmed.exit, 0, confirmed.output);
  assert.equal(await running.ended, 0, running.output());
}

describe('harden-ssh.sh', { skip }, () => {
  test('takes passwords away, and masks ssh.socket only after a login from outside', async () => {
    using host = await Host.start();
    assert.match(
      host.login('true', ['-o', 'PreferredAuthentications=password']).output,
      /\(publickey,password/,
    );
    host.calls();
    await hardened(host);
    assert.match(
      host.login('true', ['-o', 'PreferredAuthentications=password']).output,
      /Permission denied \(publickey\)/,
    );
    assert.equal(host.login('echo in').output.includes('in\n'), true, 'keys work');
    assert.deepEqual(host.calls(), [
      'restart ssh.service',
      'disable --now ssh.socket',
      'mask ssh.socket',
      'daemon-reload',
      'enable ssh.service',
      'restart ssh.service',
    ]);
    const again = host.harden('--allow-user', 'root');
    assert.deepEqual([again.exit, /nothing to do/.test(again.output)], [0, true]);

    const undone = host.harden('--undo');
    assert.equal(undone.exit, 0, undone.output);
    assert.deepEqual([existsSync(host.dropIn(conf)), host.calls()[0]], [false, 'unmask ssh.socket']);
    assert.match(
      host.login('true', ['-o', 'PreferredAuthentications=password']).output,
      /\(publickey,password/,
    );
    assert.match(host.harden('--undo').output, /nothing to undo/);
  });

  test('puts everything back if nobody logs in, or if it is interrupted', async () => {
    using host = await Host.start();
    const waited = host.harden('--allow-user', 'root', '--wait', '1');
    assert.deepEqual([waited.exit, /everything is as it was/.test(waited.output)], [1, true]);
    assert.equal(existsSync(host.dropIn(conf)), false);
    assert.match(host.harden('--undo').output, /nothing to undo/);
    for (const signal of ['SIGTERM', 'SIGQUIT', 'SIGPIPE'] as const) {
      const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
      await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
      running.child.kill(signal);
      assert.equal(await running.ended, 1);
      assert.equal(existsSync(host.dropIn(conf)), false, signal);
    }
    assert.ok(!host.calls().some((call) => call.includes('ssh.socket')), 'the socket was never touched');
    assert.equal(host.login('true').exit, 0);
  });

  test('puts an earlier hardening back, not passwords, if nobody proves the next one', async () => {
    using host = await Host.start();
    const passwords = () => host.login('true', ['-o', 'PreferredAuthentications=password']).output;
    writeFileSync(host.dropIn('50-cloud-init.conf'), 'PasswordAuthentication yes\n');
    writeFileSync(host.dropIn(conf), '# of this site\n');
    await hardened(host);
    const other = ['--allow-user', 'root', '--allow-user', 'daemon'];
    const killed = host.hardenMeanwhile(...other, '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(killed.output().includes('now log in')));
    killed.child.kill('SIGKILL');
    await killed.ended;
    const waited = host.harden(...other, '--wait', '1');
    assert.deepEqual([waited.exit, /everything is as it was/.test(waited.output)], [1, true]);
    assert.match(readFileSync(host.dropIn(conf), 'utf8'), /^AllowUsers root$/m);
    assert.match(passwords(), /Permission denied \(publickey\)/);
    assert.match(host.harden('--allow-user', 'root').output, /nothing to do/);
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), '# of this site\n');
    assert.match(passwords(), /\(publickey,password/);
  });

  test('takes no login that is older than the change, or from the host itself, for a proof', async () => {
    using host = await Host.start();
    assert.match(host.confirm('--from-anywhere').output, /nobody waits/);
    const socket = join(host.root, 'multiplexed');
    const master = host.login('true', ['-f', '-N', '-M', '-S', socket]);
    assert.equal(master.exit, 0, master.output);
    using closing = new DisposableStack();
    closing.defer(() => host.login('', ['-S', socket, '-O', 'exit']));
    const wait = `for _ in $(seq 600); do [ -e ${host.root}/run/holdfast-hardening/since ] && break; sleep 0.2; done`;
    const confirm = `PATH=${host.root}/bin:$PATH ${script} --root ${host.root} --confirm --from-anywhere`;
    // As the last command, in a process of its own, and without the environment of the login, as sudo runs it.
    const olds = [confirm, `${confirm}; true`, `env -i sh -c '${confirm}; true'; true`].map((each) =>
      host.loginMeanwhile(`${wait}\n${each}`),
    );
    await waitFor('the old logins', () =>
      Promise.resolve(logOf(host).match(/Accepted publickey/g)?.length === 1 + olds.length),
    );
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '300');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    assert.match(host.confirm().output, /from the host itself/);
    for (const old of olds) assert.match(await old, /older than the new configuration/);
    const multiplexed = host.login(`${confirm}; true`, ['-S', socket]);
    assert.match(multiplexed.output, /older than the new configuration/);
    running.child.kill('SIGTERM');
    await running.ended;
  });

  test('takes no login to an address of its own for one from outside', async () => {
    using host = await Host.start();
    mkdirSync(join(host.root, 'run/holdfast-hardening'));
    writeFileSync(join(host.root, 'run/holdfast-hardening/since'), '0');
    const confirm = `exec -a 'sshd: root' sh -c '"$0" --root "$1" --confirm; true' ${script} ${host.root}`;
    const from = (client: string, server: string) =>
      spawnSync('bash', ['-c', confirm], {
        env: { ...host.environment, SSH_CONNECTION: `${client} 50000 ${server} 22` },
        encoding: 'utf8',
      });
    assert.match(from('192.0.2.9', '192.0.2.9').stderr, /from the host itself/);
    assert.match(from('192.0.2.1', '192.0.2.9').stdout, /thank you/);
  });

  test('closes, too, a host that is hardened already', async () => {
    using host = await Host.start();
    await hardened(host);
    host.calls();
    await hardened(host, '--close');
    assert.equal(host.calls().at(-1), 'disable --now ssh.service');
  });

  test('says that ssh.socket could not be masked, and has sshd run before', async () => {
    using host = await Host.start();
    writeFileSync(join(host.root, 'bin/systemctl'), withoutMask);
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '300');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    assert.equal(host.confirm('--from-anywhere').exit, 0);
    assert.equal(await running.ended, 1);
    assert.match(running.output(), /could not be masked/);
    assert.deepEqual(host.calls().slice(-2), ['enable ssh.service', 'restart ssh.service']);
    assert.equal(host.login('true').exit, 0);
  });

  test('goes before an earlier file that overrules it, and gives up where it cannot', async () => {
    using host = await Host.start();
    writeFileSync(host.dropIn('50-cloud-init.conf'), 'PasswordAuthentication yes\n');
    await hardened(host);
    assert.ok(existsSync(host.dropIn('00-hardening.conf')));
    assert.match(
      host.login('true', ['-o', 'PreferredAuthentications=password']).output,
      /Permission denied \(publickey\)/,
    );
    host.harden('--undo');
    assert.equal(existsSync(host.dropIn('00-hardening.conf')), false);
    writeFileSync(host.dropIn('00-hardening.conf'), 'PasswordAuthentication yes\n');
    assert.match(host.harden('--allow-user', 'root').output, /rename it; the configuration is as it was/);
    assert.equal(readFileSync(host.dropIn('00-hardening.conf'), 'utf8'), 'PasswordAuthentication yes\n');
    rmSync(host.dropIn('00-hardening.conf'));
    writeFileSync(host.dropIn('60-more.conf'), 'AllowUsers daemon\n');
    const refused = host.harden('--allow-user', 'root');
    assert.deepEqual([refused.exit, /daemon is allowed by another file/.test(refused.output)], [1, true]);
    assert.equal(existsSync(host.dropIn(conf)), false);
  });

  test("--undo takes nobody else's file away, also when it had to be run twice", async () => {
    using host = await Host.start();
    const own = '# of this site\nAllowUsers root\n';
    writeFileSync(host.dropIn(conf), own);
    assert.match(host.harden('--undo').output, /nothing to undo/);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), own);
    await hardened(host);
    assert.match(host.harden('--undo', '--dry-run').output, /would remove .*\n.*put back .*\n.*unmask/);
    writeFileSync(host.dropIn('50-x.conf'), 'Bogus yes\n');
    assert.match(host.harden('--undo').output, /mend sshd_config, then run this again/);
    rmSync(host.dropIn('50-x.conf'));
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), own);
  });

  test('gives up where a Match block opens again what is closed', async () => {
    using host = await Host.start();
    for (const [block, why] of [
      ['Match Address 127.0.0.0/8\n  PasswordAuthentication yes', /Match block: +PasswordAuthentication yes/],
      [`Match LocalPort ${host.port}\n  kbdinteractiveauthentication = yes`, /Match block/],
      ['Match User root\n  AllowUsers daemon', /Match block/],
      ['Match Address 10.0.0.0/8\r\n  PasswordAuthentication yes\r', /Match block/],
    ] as const) {
      host.configure(block);
      assert.equal(host.harden('--allow-user', 'root', '--dry-run').exit, 1);
      const refused = host.harden('--allow-user', 'root');
      assert.deepEqual([refused.exit, why.test(refused.output)], [1, true], refused.output);
      assert.equal(existsSync(host.dropIn(conf)), false);
    }
    host.configure(`Match LocalPort ${host.port}\n  X11Forwarding no`);
    await hardened(host);
  });

  test('changes nothing on exempt hosts, for users that do not exist, with --dry-run, or if sshd would not start', async () => {
    using host = await Host.start();
    mkdirSync(join(host.root, 'etc/holdfast'), { recursive: true });
    for (const args of [
      [],
      ['--allow-user', 'nobody-at-all'],
      ['--allow-user', 'a b'],
      ['--allow-user', 'root', '--exempt', `${hostname()}*`],
      ['--allow-user', 'root', '--wait', '08'],
      ['--nonsense'],
    ]) {
      assert.equal(host.harden(...args).exit, 1, args.join(' '));
    }
    const dry = host.harden('--allow-user', 'root', '--dry-run');
    assert.deepEqual([dry.exit, /^AllowUsers root$/m.test(dry.output)], [0, true]);
    writeFileSync(join(host.root, 'etc/holdfast/hardening-exempt'), `# control plane\n${hostname()}\n`);
    assert.match(host.harden('--allow-user', 'root').output, /is exempt/);
    const name = hostname();
    for (const line of [`${name}\r`, `  ${name}  # gpu`, name.toUpperCase(), `${name.slice(0, -1)}?`]) {
      writeFileSync(join(host.root, 'etc/holdfast/hardening-exempt'), `other\n${line}\n`);
      assert.match(host.harden('--allow-user', 'root').output, /is exempt/, JSON.stringify(line));
    }
    writeFileSync(join(host.root, 'etc/holdfast/hardening-exempt'), 'one other\n');
    assert.match(
      host.harden('--allow-user', 'root').output,
      /"one other" is not one name; nothing was changed/,
    );
    rmSync(join(host.root, 'etc/holdfast/hardening-exempt'));
    host.configure('NoSuchOption yes');
    assert.match(host.harden('--allow-user', 'root').output, /does not take its present configuration/);
    assert.equal(existsSync(host.dropIn(conf)), false);
  });

  test('works where ssh.socket has started no sshd since the boot', { skip: needMount() }, async () => {
    using host = await Host.start();
    const booted = `mount -t tmpfs holdfast /run && ! sshd -t -f "$SCRATCH/etc/ssh/sshd_config" && exec "$0" "$@"`;
    const args = ['--root', host.root, '--allow-user', 'root', '--dry-run'];
    const ran = spawnSync('unshare', ['--mount', 'sh', '-c', booted, script, ...args], {
      env: host.environment,
      encoding: 'utf8',
    });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  });

  test('--close stops sshd in the end', async () => {
    using host = await Host.start();
    await hardened(host, '--close');
    assert.equal(host.calls().at(-1), 'disable --now ssh.service');
    await waitFor('sshd to be gone', () => Promise.resolve(/refused/.test(host.login('true').output)));
  });
});

test('cloud-init writes what the script would', { skip: needRoot() }, async () => {
  using host = await Host.start();
  const document = parse(readFileSync(join(projectRoot, 'deploy/hardening/cloud-init.yaml'), 'utf8')) as {
    write_files: { path: string; content: string }[];
    runcmd: unknown[][];
  };
  const { output } = host.harden('--allow-user', 'root', '--dry-run');
  const [file] = document.write_files;
  assert.equal(file?.path, `/etc/ssh/sshd_config.d/${conf}`);
  assert.ok(output.includes(file.content.replace('AllowUsers ada', 'AllowUsers root')));
  for (const command of document.runcmd) {
    assert.ok(
      command.every((word) => typeof word === 'string'),
      'cloud-init takes words, no numbers',
    );
  }
});

test('the audit rules watch every path of the default scope', () => {
  const rules = readFileSync(join(projectRoot, 'deploy/hardening/holdfast-audit.rules'), 'utf8');
  const watched = Array.from(rules.matchAll(/^-w (\S+) -p wa -k holdfast$/gm), ([, path]) => path!);
  for (const { path } of defaultScope().paths) {
    assert.ok(
      watched.some((each) => path === each || path.startsWith(`${each}/`)),
      path,
    );
  }
  const [first] = rules.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(first, '-c', 'a path that is not there keeps none of the rest from being loaded');
});

function logOf(host: Host): string {
  const file = join(host.root, 'sshd.log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
