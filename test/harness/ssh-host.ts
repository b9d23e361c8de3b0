/** A host to harden: a scratch root with a real sshd and real logins; only systemctl is a stand-in, that runs that sshd. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, projectRoot } from './process.ts';
import { longestStallMs, waitFor } from './wait.ts';

export const script = join(projectRoot, 'deploy/hardening/harden-ssh.sh');
/**
 * Runs the scratch root's sshd, or the socket that starts one for each login, notes every call, and knows of ssh.socket whether
 * it is enabled, disabled or masked. Only one of the two listens, as with Debian's units.
 */
export const systemctl = `#!/bin/sh
case $1 in is-* | show) ;; *) echo "$*" >>"$SCRATCH/systemctl.log" ;; esac
# -KILL: started by one that ignores signals, the socket's process ignores them too.
stop() { if [ -f "$SCRATCH/$1" ]; then kill "\${2:--TERM}" "$(cat "$SCRATCH/$1")" 2>/dev/null; rm -f "$SCRATCH/$1"; fi; }
case "$*" in
  "restart ssh.service")
    stop sshd.pid
    SSHD_OPTS=; if [ -f "$SCRATCH/etc/default/ssh" ]; then . "$SCRATCH/etc/default/ssh"; fi
    for _ in 1 2 3 4 5; do
      /usr/sbin/sshd -f "$SCRATCH/etc/ssh/sshd_config" -E "$SCRATCH/sshd.log" $SSHD_OPTS && exit 0
      sleep 0.2
    done
    exit 1 ;;
  "show --property MainPID --value ssh.service") cat "$SCRATCH/sshd.pid" 2>/dev/null || echo 0 ;;
  "stop ssh.service" | "disable --now ssh.service") stop sshd.pid ;;
  "is-active --quiet ssh.service") [ -f "$SCRATCH/sshd.pid" ] ;;
  "is-active --quiet ssh.socket") [ -f "$SCRATCH/socket.pid" ] ;;
  "is-enabled --quiet ssh.socket") [ "$(cat "$SCRATCH/socket.state" 2>/dev/null)" = enabled ] ;;
  "is-enabled ssh.socket") cat "$SCRATCH/socket.state" ;;
  "is-enabled --quiet ssh.service") [ -f "$SCRATCH/sshd.pid" ] || [ -f "$SCRATCH/enabled" ] ;;
  "is-enabled ssh.service") echo disabled; exit 1 ;;
  "disable --now ssh.socket") stop socket.pid -KILL; echo disabled >"$SCRATCH/socket.state" ;;
  "mask ssh.socket") echo masked >"$SCRATCH/socket.state" ;;
  "unmask ssh.socket") echo disabled >"$SCRATCH/socket.state" ;;
  "enable --now ssh.socket")
    if [ -f "$SCRATCH/socket.pid" ]; then exit 0; fi
    echo enabled >"$SCRATCH/socket.state"
    setsid systemd-socket-activate --accept --inetd -l "127.0.0.1:$SOCKET_PORT" \
      /usr/sbin/sshd -i -f "$SCRATCH/etc/ssh/sshd_config" >"$SCRATCH/socket.log" 2>&1 </dev/null &
    echo $! >"$SCRATCH/socket.pid" ;;
esac
`;

export class Host implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-ssh-'));
  /** Of sshd; and of the socket, where a test enables it. */
  readonly port: number;
  readonly socketPort: number;

  static async start(): Promise<Host> {
    return new Host(await freePort(), await freePort());
  }

  private constructor(port: number, socketPort: number) {
    this.port = port;
    this.socketPort = socketPort;
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
    return {
      PATH: `${this.root}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      SCRATCH: this.root,
      SOCKET_PORT: String(this.socketPort),
    };
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

  /** Hardens to the end, with a login that proves it. */
  async hardened(...more: string[]): Promise<void> {
    const running = this.hardenMeanwhile('--allow-user', 'root', '--wait', '60', ...more);
    await waitFor('the wait for a login', () =>
      Promise.resolve(running.output().includes('now log in from outside')),
    );
    const confirmed = this.confirm('--from-anywhere');
    assert.equal(confirmed.exit, 0, confirmed.output);
    assert.equal(await running.ended, 0, running.output());
  }

  login(command: string, options: readonly string[] = [], port = this.port) {
    const ran = spawnSync('ssh', this.#sshArgs(command, options, port), {
      encoding: 'utf8',
      timeout: longestStallMs,
    });
    return { exit: ran.status, output: ran.stdout + ran.stderr };
  }

  /** Resolves to what it printed, once it has ended. */
  loginMeanwhile(command: string): Promise<string> {
    const child = spawn('ssh', this.#sshArgs(command, [], this.port), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve) => void child.on('close', () => resolve(output)));
  }

  #sshArgs(command: string, options: readonly string[], port: number): string[] {
    const ssh = [
      '-p',
      String(port),
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
  confirm(option = '', port = this.port) {
    const command = `${script} --root ${this.root} --confirm ${option}`;
    return this.login(`PATH=${this.root}/bin:$PATH SCRATCH=${this.root} ${command}`, [], port);
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
    this.systemctl('disable', '--now', 'ssh.socket');
    this.systemctl('disable', '--now', 'ssh.service');
    rmSync(this.root, { recursive: true, force: true });
  }
}
