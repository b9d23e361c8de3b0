/** The systemd installer, ended before it is through: by a signal, by a full disk, or without a word. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fakeBuild, installer } from './harness/installer.ts';
import { needMount } from './need.ts';

let directory: string;
let args: string[];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-interrupted-'));
  const token = join(directory, 'token');
  writeFileSync(token, 'hf_agent_x');
  const build = await fakeBuild(join(directory, 'dist'));
  args = ['--from', build, 'agent', '--url', 'https://collector.example:9477', '--token-file', token];
});

after(() => rmSync(directory, { recursive: true, force: true }));

/** What installations that were ended left below `root`, and what they made in the meantime. */
function leftovers(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('.new.'));
}

for (const signal of ['HUP', 'INT', 'PIPE', 'TERM']) {
  test(`SIG${signal} ends an installation as a failure, which leaves no token and no half a file`, () => {
    const root = join(directory, signal);
    const temporary = join(directory, `${signal}-tmp`);
    const bin = join(directory, `${signal}-bin`);
    for (const path of [temporary, bin]) mkdirSync(path);
    // It is ended in the middle of writing, after the token was read.
    const cp = `#!/bin/sh\n/bin/cp "$@" && kill -${signal} "$INSTALLER" && : >'${root}.reached'\n`;
    writeFileSync(join(bin, 'cp'), cp, { mode: 0o755 });
    const command = ['-c', 'INSTALLER=$$ exec "$0" "$@"', installer, '--root', root, ...args];
    const { status, stdout } = spawnSync('/bin/sh', command, {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: temporary, PATH: `${bin}:${process.env['PATH']}` },
    });
    assert.ok(existsSync(`${root}.reached`));
    assert.equal(status, 1);
    assert.doesNotMatch(stdout, / wrote /);
    assert.deepEqual([readdirSync(temporary), leftovers(root)], [[], []]);
  });
}

test('a full disk leaves no half a file, however often it is tried', { skip: needMount() }, () => {
  const root = join(directory, 'full');
  const build = join(directory, 'large');
  mkdirSync(build);
  writeFileSync(join(build, 'holdfast-agent'), Buffer.alloc(100_000));
  const sums = spawnSync('sha256sum', ['holdfast-agent'], { cwd: build, encoding: 'utf8' }).stdout;
  writeFileSync(join(build, 'SHA256SUMS'), sums);
  const twice = `
    mkdir -p "$0/usr/local/bin"
    mount -t tmpfs -o size=64k holdfast "$0/usr/local/bin"
    if "$@"; then exit 9; fi
    if "$@"; then exit 9; fi
    ls -A "$0/usr/local/bin"`;
  const command = [installer, '--root', root, ...args, '--from', build];
  const inNamespace = ['--mount', 'sh', '-euc', twice, root, ...command];
  const { status, stdout, stderr } = spawnSync('unshare', inNamespace, { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [0, ''], stderr);
  assert.equal(stderr.match(/No space left on device/g)?.length, 2, stderr);
});

test('what a run left that was killed is removed by the next, and by taking it away', () => {
  const root = join(directory, 'killed');
  const left = ['usr/local/bin/holdfast-agent.new.17', 'etc/holdfast/agent.token.new.4711'];
  const leave = () => {
    for (const path of left) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), 'half');
    }
  };
  for (const given of [args, ['--from', args[1]!, 'agent'], ['agent', '--uninstall']]) {
    leave();
    assert.deepEqual(leftovers(root).sort(), left.toSorted());
    const { status, stderr } = spawnSync(installer, ['--root', root, ...given], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.deepEqual(leftovers(root), []);
  }
});
