/** The SSH lockdown, in a scratch root with a real sshd and real logins; only systemctl is a stand-in, that runs that sshd. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { defaultScope } from '@holdfast/shared/default-scope';
import { parse } from 'yaml';
import { freePort, projectRoot } from './harness/process.ts';
import { Host, script, systemctl } from './harness/ssh-host.ts';
import { waitFor } from './harness/wait.ts';
import { needMount, needRoot, needTool } from './need.ts';

const skip =
  needRoot() ||
  needTool('sshd', 'apt-get install -y openssh-server') ||
  needTool('ssh', 'apt-get install -y openssh-client');

/** Fails to mask, as systemctl does where a file of the site's own is in the place of the unit. */
const withoutMask = systemctl.replace('case "$*" in', 'case "$*" in\n  "mask ssh.socket") exit 1 ;;');

const conf = '99-hardening.conf';

describe('harden-ssh.sh', { skip }, () => {
  test('takes passwords away, and masks ssh.socket only after a login from outside', async () => {
    using host = await Host.start();
    assert.match(
      host.login('true', ['-o', 'PreferredAuthentications=password']).output,
      /\(publickey,password/,
    );
    host.calls();
    await host.hardened();
    assert.match(
      host.login('true', ['-o', 'PreferredAuthentications=password']).output,
      /Permission denied \(publickey\)/,
    );
    assert.equal(host.login('echo in').output.includes('in\n'), true, 'keys work');
    assert.deepEqual(host.calls(), [
      'restart ssh.service',
      'mask ssh.socket',
      'daemon-reload',
      'enable ssh.service',
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
    const before = 2; // the confirmation above, and the master
    const ended = Promise.race(olds).then((output) => assert.fail(`one ended already: ${output}`));
    const begun = waitFor('the old logins', () =>
      Promise.resolve(logOf(host).match(/Accepted publickey/g)?.length === before + olds.length),
    );
    await Promise.race([begun, ended]).catch((error: unknown) =>
      assert.fail(`${String(error)}\n${logOf(host)}`),
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
    // The processes as they are above a login, and a command that waits.
    const byMainPid = systemctl.replace(
      /(MainPID .*?) cat "\$SCRATCH\/sshd\.pid"/,
      '$1 cat "$SCRATCH/main.pid"',
    );
    writeFileSync(join(host.root, 'bin/systemctl'), byMainPid);
    const login = `(exec -a 'sshd: root' sh -c '"$0" --root "$1" --confirm; true' ${script} ${host.root})`;
    const listener = `echo $$ >"$SCRATCH/main.pid"; exec -a 'sshd: sshd [listener]' bash -c "$LOGIN; true"`;
    const from = (client: string, server: string) =>
      spawnSync('flock', [`${host.root}/run/holdfast-hardening.lock`, 'bash', '-c', listener], {
        env: { ...host.environment, LOGIN: login, SSH_CONNECTION: `${client} 50000 ${server} 22` },
        encoding: 'utf8',
      });
    assert.match(from('192.0.2.9', '192.0.2.9').stderr, /from the host itself/);
    assert.match(from('192.0.2.1', '192.0.2.9').stdout, /thank you/);
  });

  test('takes no login by another sshd for one by the sshd that stays', async () => {
    using host = await Host.start();
    const port = await freePort();
    const config = readFileSync(join(host.root, 'etc/ssh/sshd_config'), 'utf8');
    const other = config
      .replace(/^Include .*\n/, '')
      .replace(/^Port .*/m, `Port ${port}`)
      .replace('/sshd.pid', '/socket.pid');
    writeFileSync(join(host.root, 'other_config'), other);
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    execFileSync('/usr/sbin/sshd', ['-f', join(host.root, 'other_config')]);
    await waitFor('the other sshd', () => Promise.resolve(host.login('true', [], port).exit === 0));
    assert.match(host.confirm('--from-anywhere', port).output, /is not by the sshd of ssh\.service/);
    assert.equal(host.confirm('--from-anywhere').exit, 0);
    assert.equal(await running.ended, 0, running.output());
  });

  test('closes, too, a host that is hardened already', async () => {
    using host = await Host.start();
    await host.hardened();
    host.calls();
    await host.hardened('--close');
    assert.equal(host.calls().at(-1), 'disable --now ssh.service');
    const waited = host.harden('--allow-user', 'root', '--allow-user', 'daemon', '--close', '--wait', '1');
    assert.match(waited.output, /nobody logged in/);
    assert.match(host.login('true').output, /refused/, 'closed as it was');
    assert.match(host.harden('--allow-user', 'root', '--close').output, /nothing to do/);
    writeFileSync(join(host.root, 'enabled'), '');
    assert.doesNotMatch(
      host.harden('--allow-user', 'root', '--close', '--wait', '1').output,
      /nothing to do/,
      'it would run after a boot',
    );
    rmSync(join(host.root, 'enabled'));
    host.systemctl('restart', 'ssh.service');
    assert.doesNotMatch(
      host.harden('--allow-user', 'root', '--close', '--wait', '1').output,
      /nothing to do/,
    );
  });

  test('says that ssh.socket could not be masked, and has sshd run before', async () => {
    using host = await Host.start();
    writeFileSync(join(host.root, 'bin/systemctl'), withoutMask);
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '300');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    assert.equal(host.confirm('--from-anywhere').exit, 0);
    assert.equal(await running.ended, 1);
    assert.match(running.output(), /could not be masked/);
    assert.equal(host.calls().at(-1), 'enable ssh.service');
    assert.equal(host.login('true').exit, 0);
  });

  test('goes before an earlier file that overrules it, and gives up where it cannot', async () => {
    using host = await Host.start();
    writeFileSync(host.dropIn('50-cloud-init.conf'), 'PasswordAuthentication yes\n');
    await host.hardened();
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
    writeFileSync(join(host.root, 'etc/ssh/elsewhere'), 'PasswordAuthentication yes\n');
    symlinkSync('../elsewhere', host.dropIn('00-hardening.conf'));
    assert.match(host.harden('--allow-user', 'root').output, /rename it; the configuration is as it was/);
    assert.equal(readlinkSync(host.dropIn('00-hardening.conf')), '../elsewhere');
    rmSync(host.dropIn('00-hardening.conf'));
    writeFileSync(host.dropIn('60-more.conf'), 'AllowUsers daemon\n');
    const refused = host.harden('--allow-user', 'root');
    assert.deepEqual([refused.exit, /daemon is allowed by another file/.test(refused.output)], [1, true]);
    assert.equal(existsSync(host.dropIn(conf)), false);
  });

  test('gives up where a Match block opens again what is closed', async () => {
    using host = await Host.start();
    writeFileSync(join(host.root, 'quoted.conf'), 'Match Address 10.0.0.0/8\n  PasswordAuthentication yes\n');
    for (const [block, why] of [
      ['Match Address 127.0.0.0/8\n  PasswordAuthentication yes', /Match block: +PasswordAuthentication yes/],
      [`Match LocalPort ${host.port}\n  kbdinteractiveauthentication = yes`, /Match block/],
      ['Match User root\n  AllowUsers daemon', /Match block/],
      ['Match Address 10.0.0.0/8\n  Include /nowhere/*.conf', /Match block: +Include/],
      ['Match Address 10.0.0.0/8\r\n  PasswordAuthentication yes\r', /Match block/],
      ["Match Address 127.0.0.1\n  PasswordAuthentication 'yes'", /Match block/],
      ['Match Address 127.0.0.1\n  SkeyAuthentication yes', /Match block/],
      [`Include "${host.root}/my dir/*.conf"`, /not followed here/],
      [`Include '${host.root}/quoted.conf'`, /quoted\.conf says in a Match block/],
    ] as const) {
      host.configure(block);
      assert.equal(host.harden('--allow-user', 'root', '--dry-run').exit, 1);
      const refused = host.harden('--allow-user', 'root');
      assert.deepEqual([refused.exit, why.test(refused.output)], [1, true], refused.output);
      assert.equal(existsSync(host.dropIn(conf)), false);
    }
    writeFileSync(
      join(host.root, 'nested.conf'),
      'Match Address 10.0.0.0/8\n  HostbasedAuthentication yes\n',
    );
    writeFileSync(join(host.root, 'elsewhere.conf'), `Include "${host.root}/nest*.conf"\n`);
    host.configure(`Include=${host.root}/none.conf ${host.root}/elsewhere.conf # of this site`);
    host.calls();
    assert.match(
      host.harden('--allow-user', 'root').output,
      /nested\.conf says in a Match block: +Hostbased/,
    );
    assert.deepEqual(host.calls(), [''], 'what was never changed is not restarted either');
    host.configure(`Match LocalPort ${host.port}\n  X11Forwarding no`);
    await host.hardened();
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
      ['--confirm', '--undo'],
      ['--allow-user', 'root', '--from-anywhere'],
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
    const full = '#!/bin/sh\n[ "$1" != -f ] || echo Node.gpu.example\n';
    writeFileSync(join(host.root, 'bin/hostname'), full, { mode: 0o755 });
    writeFileSync(join(host.root, 'etc/holdfast/hardening-exempt'), '*.GPU.example\n');
    assert.match(host.harden('--allow-user', 'root').output, /is exempt/);
    writeFileSync(join(host.root, 'bin/hostname'), '#!/bin/sh\n[ "$1" != -f ] && echo node\n');
    assert.match(
      host.harden('--allow-user', 'root').output,
      /does not know its full name, and ".*" is exempt/,
    );
    rmSync(join(host.root, 'bin/hostname'));
    writeFileSync(join(host.root, 'etc/holdfast/hardening-exempt'), 'one other\n');
    assert.match(
      host.harden('--allow-user', 'root').output,
      /"one other" is not one name of a host to exempt; nothing was changed/,
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

  test('has the login prove the listener that stays, and the socket start sshd again if none does', {
    skip: needTool('systemd-socket-activate', 'apt-get install -y systemd'),
  }, async () => {
    using host = await Host.start();
    const bySocket = () => host.login('true', [], host.socketPort).exit;
    host.systemctl('stop', 'ssh.service');
    host.systemctl('enable', '--now', 'ssh.socket');
    await waitFor('a login by the socket', () => Promise.resolve(bySocket() === 0));
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    assert.deepEqual([host.login('true').exit, bySocket()], [0, 255]);
    running.child.kill('SIGKILL');
    await running.ended;
    const waited = host.harden('--allow-user', 'root', '--wait', '1');
    assert.match(waited.output, /everything is put back as it was/);
    await waitFor('the socket', () => Promise.resolve(bySocket() === 0));
    assert.equal(host.calls().at(-1), 'disable ssh.service', 'as it was found');

    await host.hardened();
    assert.equal(bySocket(), 255);
    assert.match(host.harden('--undo', '--dry-run').output, /have it start sshd again/);
    assert.equal(host.harden('--undo').exit, 0);
    await waitFor('the socket after --undo', () => Promise.resolve(bySocket() === 0));
  });

  test('looks at the options that ssh.service gives sshd', async () => {
    using host = await Host.start();
    mkdirSync(join(host.root, 'etc/default'));
    const options = (words: string) =>
      writeFileSync(join(host.root, 'etc/default/ssh'), `SSHD_OPTS="${words}"\n`);
    options('-o PasswordAuthentication=yes');
    const atRestart = host.harden('--allow-user', 'root');
    assert.match(
      atRestart.output,
      /for root, "passwordauthentication no" does not hold, as ssh\.service starts sshd; everything is put back/,
    );
    assert.match(host.harden('--allow-user', 'root').output, /SSHD_OPTS in \/etc\/default\/ssh/);
    options(`-f ${host.root}/other`);
    writeFileSync(join(host.root, 'other'), readFileSync(join(host.root, 'etc/ssh/sshd_config')));
    host.systemctl('restart', 'ssh.service');
    assert.match(host.harden('--allow-user', 'root').output, /with another configuration \( -f .*other\)/);
    assert.equal(existsSync(host.dropIn(conf)), false);
    options('-o LogLevel=INFO');
    host.systemctl('restart', 'ssh.service');
    await host.hardened();
    options('-o GSSAPIAuthentication=yes -o PasswordAuthentication=yes');
    host.systemctl('restart', 'ssh.service');
    assert.doesNotMatch(host.harden('--allow-user', 'root', '--dry-run').output, /nothing to do/);
  });

  test('masks no socket that ssh.service starts again', {
    skip: needTool('systemd-socket-activate', 'apt-get install -y systemd'),
  }, async () => {
    using host = await Host.start();
    const requires = systemctl.replace(
      'case "$*" in',
      'case "$*" in "restart ssh.service") "$0" enable --now ssh.socket ;; esac\ncase "$*" in',
    );
    writeFileSync(join(host.root, 'bin/systemctl'), requires);
    const refused = host.harden('--allow-user', 'root');
    assert.match(refused.output, /has started ssh\.socket again: a drop-in/);
    assert.ok(!host.calls().includes('mask ssh.socket'));
    assert.equal(existsSync(host.dropIn(conf)), false);
  });

  test('masks ssh.socket again where somebody has unmasked it', async () => {
    using host = await Host.start();
    await host.hardened();
    host.systemctl('unmask', 'ssh.socket');
    await host.hardened();
    assert.match(host.harden('--allow-user', 'root').output, /nothing to do/);
  });

  test('prints a command to confirm with that works in any directory', async () => {
    using host = await Host.start();
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('--confirm')));
    const [, printed] = /sudo (.* --confirm.*)$/m.exec(running.output())!;
    const confirmed = host.login(
      `cd / && PATH=${host.root}/bin:$PATH SCRATCH=${host.root} ${printed} --from-anywhere`,
    );
    assert.equal(confirmed.exit, 0, confirmed.output);
    assert.equal(await running.ended, 0, running.output());
  });

  test('--close stops sshd in the end', async () => {
    using host = await Host.start();
    await host.hardened('--close');
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
