/** That the SSH lockdown goes back, whatever ends it: as in hardening.test.ts, with a real sshd and real logins. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Host, systemctl } from './harness/ssh-host.ts';
import { waitFor } from './harness/wait.ts';
import { needRoot, needTool } from './need.ts';

const skip =
  needRoot() ||
  needTool('sshd', 'apt-get install -y openssh-server') ||
  needTool('ssh', 'apt-get install -y openssh-client');

const conf = '99-hardening.conf';

/** A run over a file of the site's own that ends while the disk is full, and stays so while `full` is there. Its output. */
async function endedOnAFullDisk(host: Host): Promise<string> {
  writeFileSync(host.dropIn(conf), '# of this site\n');
  const full = '#!/bin/sh\n[ ! -f "$SCRATCH/full" ] || { echo no space >&2; exit 1; }\nexec /bin/cp "$@"\n';
  writeFileSync(join(host.root, 'bin/cp'), full, { mode: 0o755 });
  const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
  await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
  writeFileSync(join(host.root, 'full'), '');
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 1);
  return running.output();
}

describe('harden-ssh.sh puts back', { skip }, () => {
  test('puts everything back if nobody logs in, or if it is interrupted', async () => {
    using host = await Host.start();
    const waited = host.harden('--allow-user', 'root', '--wait', '1');
    assert.deepEqual([waited.exit, /everything is put back as it was/.test(waited.output)], [1, true]);
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
    await host.hardened();
    const other = ['--allow-user', 'root', '--allow-user', 'daemon'];
    const killed = host.hardenMeanwhile(...other, '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(killed.output().includes('now log in')));
    killed.child.kill('SIGKILL');
    await killed.ended;
    const waited = host.harden(...other, '--wait', '1');
    assert.deepEqual([waited.exit, /everything is put back as it was/.test(waited.output)], [1, true]);
    assert.match(readFileSync(host.dropIn(conf), 'utf8'), /^AllowUsers root$/m);
    assert.match(passwords(), /Permission denied \(publickey\)/);
    assert.match(host.harden('--allow-user', 'root').output, /nothing to do/);
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), '# of this site\n');
    assert.match(passwords(), /\(publickey,password/);
  });

  test("--undo takes nobody else's file away, also when it had to be run twice", async () => {
    using host = await Host.start();
    const own = '# of this site\nAllowUsers root\n';
    writeFileSync(host.dropIn(conf), own);
    assert.match(host.harden('--undo').output, /nothing to undo/);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), own);
    await host.hardened();
    assert.match(host.harden('--undo', '--dry-run').output, /would remove .*\n.*put back .*\n.*unmask/);
    writeFileSync(host.dropIn('50-x.conf'), 'Bogus yes\n');
    assert.match(host.harden('--undo').output, /mend sshd_config, then run this again/);
    rmSync(host.dropIn('50-x.conf'));
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), own);
  });

  test('puts the socket back, too, when a second signal comes meanwhile', {
    skip: needTool('systemd-socket-activate', 'apt-get install -y systemd'),
  }, async () => {
    using host = await Host.start();
    host.systemctl('stop', 'ssh.service');
    host.systemctl('enable', '--now', 'ssh.socket');
    const slow = systemctl.replace(
      'case "$*" in',
      'case "$*" in "stop ssh.service") sleep 2 ;; esac\ncase "$*" in',
    );
    writeFileSync(join(host.root, 'bin/systemctl'), slow);
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    host.calls();
    running.child.kill('SIGHUP');
    await waitFor('the putting back', () => Promise.resolve(host.calls().includes('stop ssh.service')));
    running.child.kill('SIGHUP');
    assert.equal(await running.ended, 1);
    await waitFor('the socket', () => Promise.resolve(host.login('true', [], host.socketPort).exit === 0));
    assert.equal(existsSync(host.dropIn(conf)), false);
  });

  test('keeps what it cannot put back, until it can', async () => {
    using host = await Host.start();
    assert.match(await endedOnAFullDisk(host), /could not put back: .*99-hardening\.conf; kept in/);
    rmSync(join(host.root, 'full'));
    assert.equal(host.harden('--allow-user', 'root', '--wait', '1').exit, 1);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), '# of this site\n');
  });

  test('--undo brings back what could not be put back, or does nothing until it can', async () => {
    using host = await Host.start();
    await endedOnAFullDisk(host);
    writeFileSync(join(host.root, 'var/lib/holdfast-hardening/before.conf'), '# cut o');
    const failed = host.harden('--undo');
    assert.deepEqual([failed.exit, /could not put back/.test(failed.output)], [1, true]);
    rmSync(join(host.root, 'full'));
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), '# of this site\n');
    assert.match(host.harden('--undo').output, /nothing to undo/);
  });

  test('puts everything back if it cannot go before an earlier file', async () => {
    using host = await Host.start();
    writeFileSync(host.dropIn('50-cloud-init.conf'), 'PasswordAuthentication yes\n');
    writeFileSync(join(host.root, 'bin/ln'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    assert.equal(host.harden('--allow-user', 'root').exit, 1);
    assert.equal(existsSync(host.dropIn(conf)), false);
    assert.match(host.harden('--undo').output, /nothing to undo/);
  });

  test('leaves the sshd alone that runs, where it could not start again, until it can', async () => {
    using host = await Host.start();
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    writeFileSync(host.dropIn('50-broken.conf'), 'Bogus yes\n');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 1);
    assert.match(running.output(), /sshd does not take what is there now; the one that runs was left alone/);
    assert.equal(host.login('true').exit, 0);
    assert.equal(host.harden('--undo').exit, 1);
    assert.equal(host.login('true').exit, 0);
    rmSync(host.dropIn('50-broken.conf'));
    host.calls();
    assert.equal(host.harden('--undo').exit, 0);
    assert.ok(host.calls().includes('restart ssh.service'));
    assert.equal(host.login('true').exit, 0);
    assert.match(host.harden('--undo').output, /nothing to undo/);
  });

  test('--undo says that sshd does not start, as often as it is run', async () => {
    using host = await Host.start();
    await host.hardened();
    const broken = systemctl.replace(
      'case "$*" in',
      'case "$*" in "restart ssh.service") exit 1 ;; esac\ncase "$*" in',
    );
    writeFileSync(join(host.root, 'bin/systemctl'), broken);
    for (const _ of [1, 2]) assert.match(host.harden('--undo').output, /but ssh\.service did not restart/);
    writeFileSync(join(host.root, 'bin/systemctl'), systemctl);
    assert.equal(host.harden('--undo').exit, 0);

    writeFileSync(join(host.root, 'bin/systemctl'), broken);
    assert.match(host.harden('--allow-user', 'root').output, /could not put back: ssh\.service; kept in/);
    assert.match(host.harden('--undo').output, /could not put back: ssh\.service/);
    writeFileSync(join(host.root, 'bin/systemctl'), systemctl);
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(host.login('true').exit, 0);
  });

  test('takes no file away that was put there since', async () => {
    using host = await Host.start();
    writeFileSync(host.dropIn(conf), '# of this site\n');
    await host.hardened();
    writeFileSync(host.dropIn(conf), 'PasswordAuthentication no\n');
    assert.equal(host.harden('--undo').exit, 0);
    assert.equal(readFileSync(host.dropIn(conf), 'utf8'), 'PasswordAuthentication no\n');
  });

  test('says in the login that the command which waited was killed', async () => {
    using host = await Host.start();
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    running.child.kill('SIGKILL');
    await running.ended;
    assert.match(host.confirm('--from-anywhere').output, /was killed: start it again/);
    assert.equal(host.harden('--undo').exit, 0);
  });

  test('refuses a second run beside one that waits', async () => {
    using host = await Host.start();
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    assert.match(host.harden('--allow-user', 'daemon').output, /another run is under way/);
    assert.match(readFileSync(host.dropIn(conf), 'utf8'), /^AllowUsers root$/m);
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 1);
  });

  test('ends when it is undone while it waits', async () => {
    using host = await Host.start();
    const running = host.hardenMeanwhile('--allow-user', 'root', '--wait', '60');
    await waitFor('the wait', () => Promise.resolve(running.output().includes('now log in')));
    assert.equal(host.harden('--undo').exit, 0);
    assert.match(host.confirm('--from-anywhere').output, /nobody waits/);
    assert.equal(await running.ended, 1);
    assert.ok(!host.calls().includes('mask ssh.socket'));
  });
});
