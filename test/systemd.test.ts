/** The units and their installer, by systemd's own rules as far as they can be checked without it as process 1. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { appendFile, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { collectorNodeFlags } from '@holdfast/collector/runtime';
import { httpUrl } from '@holdfast/shared/option-parsers';
import { fakeBuild, fakeNode, installer, makeNodeDirectory, systemdFiles } from './harness/installer.ts';
import { needMount, needNodeDirectory, needTool } from './need.ts';

const needAnalyze = needTool('systemd-analyze', 'apt-get install -y systemd');
const needNode = needNodeDirectory();
const maxExposure = 2;

let directory: string;
let build: string;
let token: string;
/** Those that need it skip where there is none. */
let nodeDirectory: string;
let node: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-systemd-'));
  nodeDirectory = makeNodeDirectory() ?? directory;
  node = fakeNode(nodeDirectory);
  token = join(directory, 'token');
  await writeFile(token, 'hf_agent_x');
  build = await fakeBuild(join(directory, 'dist'));
});

after(() => {
  for (const made of [directory, nodeDirectory]) rmSync(made, { recursive: true, force: true });
});

function install(root: string, ...args: string[]) {
  const given = ['--root', root, '--from', build, ...args];
  const { status, stdout, stderr } = spawnSync(installer, given, { encoding: 'utf8' });
  return { status, stdout, stderr, wrote: stdout.split('\n').filter((line) => line.includes(' wrote ')) };
}

const agentArgs = () => ['agent', '--url', 'https://collector.example:9477', '--token-file', token];
const collectorArgs = () => ['collector', '--node', node];

function installBoth(name: string): string {
  const root = join(directory, name);
  for (const args of [agentArgs(), collectorArgs()]) {
    const { status, stderr } = install(root, ...args);
    assert.equal(status, 0, stderr);
  }
  return root;
}

function filesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

for (const unit of ['holdfast-agent.service', 'holdfast-collector.service']) {
  test(`${unit} has an exposure of at most ${maxExposure}`, { skip: needAnalyze }, () => {
    const { stdout } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--no-pager', join(systemdFiles, unit)],
      { encoding: 'utf8' },
    );
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(exposure <= maxExposure, stdout);
  });

  test(`${unit} argues each hardening directive that it leaves out or weakens`, { skip: needAnalyze }, () => {
    const file = join(systemdFiles, unit);
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    const lacking = [...stdout.matchAll(/^✗ (\w+)=/gm)].map(([, directive]) => directive!);
    assert.ok(lacking.includes('MemoryDenyWriteExecute'), stdout);
    const comments = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('#'))
      .join('\n');
    assert.deepEqual(
      lacking.filter((directive) => !comments.includes(`${directive}=`)),
      [],
    );
  });
}

test('systemd finds no fault with the units as they are installed', { skip: needAnalyze || needNode }, () => {
  const root = installBoth('verify');
  cpSync('/lib/systemd/system', join(root, 'usr/lib/systemd/system'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const units = ['holdfast-agent.service', 'holdfast-collector.service'];
  const { status, stderr } = spawnSync('systemd-analyze', [`--root=${root}`, 'verify', ...units], {
    encoding: 'utf8',
  });
  const ours = stderr.split('\n').filter((line) => line.includes('holdfast'));
  assert.deepEqual([status, ours], [0, []], stderr);
  const enabled = spawnSync('systemctl', [`--root=${root}`, 'is-enabled', ...units], { encoding: 'utf8' });
  assert.equal(enabled.stdout, 'enabled\nenabled\n', enabled.stderr);
});

test('the collector is run as it is measured', { skip: needNode }, () => {
  const root = installBoth('flags');
  const [, line] = readFileSync(join(root, 'usr/local/bin/holdfast-collector'), 'utf8').split('\n');
  assert.match(
    line!,
    new RegExp(`^exec '[^']+' ${collectorNodeFlags.join(' ')} '/usr/[^']+/collector\\.cjs' `),
  );
});

test('a second installation changes nothing, and keeps what was edited', { skip: needNode }, async () => {
  const root = installBoth('twice');
  const config = join(root, 'etc/holdfast/agent.yaml');
  await appendFile(config, 'nodeName: worker-7\n');
  const operatorToken = readFileSync(join(root, 'etc/holdfast/operator.token'), 'utf8');
  for (const args of [['agent'], agentArgs(), collectorArgs()]) {
    assert.deepEqual(install(root, ...args).wrote, []);
  }
  assert.match(readFileSync(config, 'utf8'), /^collectorUrl: https:\/\/collector\.example:9477$/m);
  assert.match(readFileSync(config, 'utf8'), /^nodeName: worker-7$/m);
  assert.equal(readFileSync(join(root, 'etc/holdfast/operator.token'), 'utf8'), operatorToken);
});

test('what an installation leaves as it was and would have to change is said', { skip: needNode }, () => {
  const root = installBoth('said');
  const ca = join(directory, 'ca.pem');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\n');
  const { stdout } = install(root, 'agent', '--ca-file', ca, '--url', 'https://other.example:9477');
  assert.match(stdout, /kept \/etc\/holdfast\/agent\.yaml, which names another collector/);
  assert.match(stdout, /which names no caFile; add the line: caFile: \/etc\/holdfast\/ca\.pem$/m);
});

test('a service is restarted for what an earlier run wrote and did not start', { skip: needMount() }, () => {
  const twice = `
    for place in /etc /usr/local /run; do mount -t tmpfs holdfast $place; done
    mkdir -p /run/systemd/system /run/bin
    printf '#!/bin/sh\\necho "$*" >>/run/calls\\n' >/run/bin/systemctl
    chmod +x /run/bin/systemctl
    PATH=/run/bin:$PATH
    "$@"
    rm /etc/holdfast/agent.yaml
    : >/run/calls
    "$@" --no-start
    if grep restart /run/calls; then exit 9; fi
    "$@"
    cat /run/calls
    "$@"`;
  const command = [installer, '--from', build, ...agentArgs()];
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-euc', twice, 'sh', ...command],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^restart holdfast-agent\.service$/m);
  assert.match(stdout, /nothing changed\n$/);
});

test('the launcher of the collector names its Node by the whole path, and none that the unit hides', {
  skip: needNode,
}, () => {
  const root = join(directory, 'launcher');
  symlinkSync(node, join(nodeDirectory, 'linked-node'));
  const relative = spawnSync(
    installer,
    ['--root', root, '--from', build, 'collector', '--node', './linked-node'],
    { cwd: nodeDirectory, encoding: 'utf8' },
  );
  assert.equal(relative.status, 0, relative.stderr);
  const launcher = readFileSync(join(root, 'usr/local/bin/holdfast-collector'), 'utf8');
  assert.match(launcher, /^exec '\/[^']+linked-node' /m);
  for (const place of ['/tmp', '/var/tmp']) {
    const elsewhere = mkdtempSync(join(place, 'holdfast-node-'));
    try {
      const hidden = join(nodeDirectory, `hidden${place.replaceAll('/', '-')}`);
      symlinkSync(fakeNode(elsewhere), hidden);
      symlinkSync(node, join(elsewhere, 'link-to-good'));
      for (const given of [hidden, join(elsewhere, 'link-to-good'), join(elsewhere, 'node')]) {
        const { status, stderr } = install(root, 'collector', '--node', given);
        assert.deepEqual([status, /which the unit hides/.test(stderr)], [1, true], given + stderr);
      }
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  }
});

test('the collector keeps its Node until another is named', { skip: needNode }, () => {
  const root = join(directory, 'kept-node');
  const own = fakeNode(mkdtempSync(join(nodeDirectory, 'own-')));
  const launcher = () => readFileSync(join(root, 'usr/local/bin/holdfast-collector'), 'utf8');
  assert.equal(install(root, 'collector', '--node', own).status, 0);
  const again = install(root, 'collector');
  assert.deepEqual([again.status, again.wrote], [0, []], again.stderr);
  assert.ok(launcher().includes(`exec '${own}' `));
  rmSync(own);
  const gone = install(root, 'collector');
  assert.equal(gone.status, 1);
  assert.ok(gone.stderr.includes(`${own}, which ran the collector, is gone; name another`), gone.stderr);
  assert.equal(install(root, ...collectorArgs()).status, 0);
  assert.ok(launcher().includes(`exec '${node}' `));
});

test('a token may come from a pipe', () => {
  const root = join(directory, 'pipe');
  const args = [
    '--root',
    root,
    '--from',
    build,
    'agent',
    '--url',
    'https://h:1',
    '--token-file',
    '/dev/stdin',
  ];
  const piped = spawnSync('sh', ['-c', 'printf hf_agent_piped | "$0" "$@"', installer, ...args], {
    encoding: 'utf8',
  });
  assert.equal(piped.status, 0, piped.stderr);
  assert.equal(readFileSync(join(root, 'etc/holdfast/agent.token'), 'utf8'), 'hf_agent_piped');
});

test('secrets are for root alone', { skip: needNode }, () => {
  const root = installBoth('secrets');
  for (const name of ['agent.token', 'operator.token']) {
    assert.equal(statSync(join(root, 'etc/holdfast', name)).mode & 0o777, 0o600, name);
  }
  assert.match(readFileSync(join(root, 'etc/holdfast/operator.token'), 'utf8'), /^hf_operator_[0-9a-f]{64}$/);
});

test("a umask of root's that forbids all to others does not keep the collector's user out", {
  skip: needNode,
}, () => {
  const root = join(directory, 'umask');
  const under077 = 'umask 077 && exec "$0" "$@"';
  const args = [installer, '--root', root, '--from', build, ...collectorArgs()];
  const { status, stderr } = spawnSync('/bin/sh', ['-c', under077, ...args], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  for (const name of ['etc/holdfast', 'usr/local/bin', 'usr/local/lib/holdfast/prebuilds']) {
    assert.equal(statSync(join(root, name)).mode & 0o777, 0o755, name);
  }
  assert.equal(statSync(join(root, 'etc/holdfast/operator.token')).mode & 0o777, 0o600);
});

test('a new build takes the place of the old one', { skip: needNode }, async () => {
  const root = installBoth('upgrade');
  const before = build;
  build = await fakeBuild(join(directory, 'dist-2'));
  await writeFile(join(build, 'holdfast-agent'), 'new\n');
  try {
    assert.match(install(root, 'agent').stderr, /is damaged: its checksums do not match/);
    const sums = readFileSync(join(before, 'SHA256SUMS'), 'utf8');
    const sum = spawnSync('sha256sum', ['holdfast-agent'], { cwd: build, encoding: 'utf8' }).stdout;
    await writeFile(join(build, 'SHA256SUMS'), sums.replace(/^.*holdfast-agent\n/, sum));
    assert.equal(install(root, 'agent').wrote.length, 1);
    assert.equal(readFileSync(join(root, 'usr/local/bin/holdfast-agent'), 'utf8'), 'new\n');
  } finally {
    build = before;
  }
});

test('a part of the build is enough, if it is the part that the program needs', () => {
  const part = join(directory, 'part');
  cpSync(systemdFiles, part, { recursive: true });
  for (const name of ['holdfast-agent', 'SHA256SUMS']) cpSync(join(build, name), join(part, name));
  const run = (...args: string[]) =>
    spawnSync(join(part, 'install.sh'), ['--root', join(directory, 'from-part'), ...args], {
      encoding: 'utf8',
    });
  const agent = run(...agentArgs());
  assert.equal(agent.status, 0, agent.stderr);
  assert.match(run(...collectorArgs()).stderr, /no collector\.cjs in /);
});

test('uninstalling leaves configuration and data, and purging nothing', { skip: needNode }, () => {
  const root = installBoth('undone');
  mkdirSync(join(root, 'var/lib/holdfast'), { recursive: true });
  for (const program of ['agent', 'collector']) {
    for (const _ of [1, 2]) assert.equal(install(root, program, '--uninstall').status, 0);
  }
  assert.deepEqual(filesBelow(root), [
    '/etc/holdfast/agent.token',
    '/etc/holdfast/agent.yaml',
    '/etc/holdfast/collector.yaml',
    '/etc/holdfast/operator.token',
  ]);
  assert.ok(existsSync(join(root, 'var/lib/holdfast')));
  for (const program of ['agent', 'collector']) {
    for (const _ of [1, 2]) assert.equal(install(root, program, '--uninstall', '--purge').status, 0);
  }
  assert.deepEqual(filesBelow(root), []);
  assert.equal(existsSync(join(root, 'var/lib/holdfast')), false);
});

test('the installer says what is wrong, and installs nothing then', () => {
  const root = join(directory, 'refused');
  const blank = join(directory, 'blank');
  writeFileSync(blank, '\n');
  const [two, binary] = [join(directory, 'two-words'), join(directory, 'binary')];
  writeFileSync(two, 'Bearer hf_agent_x\n');
  writeFileSync(binary, 'hf_agent_\u0000\n');
  const to = (url: string) => ['agent', '--url', url, '--token-file', token];
  const refusals: readonly (readonly [RegExp, string[]])[] = [
    [/agent or collector\?/, []],
    [/--url is needed/, ['agent', '--token-file', token]],
    [/--token-file is needed/, ['agent', '--url', 'https://h:1']],
    [/must begin with https/, ['agent', '--url', 'h:1', '--token-file', token]],
    [/names no host/, ['agent', '--url', 'https://', '--token-file', token]],
    [/is not there, or is empty/, ['agent', '--url', 'https://h:1', '--token-file', blank]],
    [/no part of a URL/, ['agent', '--url', 'https://h:1|e id', '--token-file', token]],
    [/must not hold a user or a password/, to('https://me:secret@h:1')],
    [/must not hold a user or a password/, to('me:secret@h')],
    [/a port that is no number up to 65535: https:\/\/h:65536\/x/, to('https://h:65536/x')],
    [/a port that is no number/, to('https://h:99999999999999999999')],
    [/a port that is no number/, to('https://[::1]:94a')],
    [/two-words holds no token: one word/, ['agent', '--url', 'https://h:1', '--token-file', two]],
    [/binary holds no token: one word/, ['agent', '--url', 'https://h:1', '--token-file', binary]],
    [/token holds no certificate/, [...agentArgs(), '--ca-file', token]],
    [/no \/no\/node/, ['collector', '--node', '/no/node']],
    [/does not run|is Node/, ['collector', '--node', '/bin/false']],
    [/\/no\/token is not there/, ['agent', '--url', 'https://h:1', '--token-file', '/no/token']],
    [/\/dev\/null is not there, or is empty/, [...agentArgs(), '--ca-file', '/dev/null']],
    [/unknown argument: --urll/, ['agent', '--urll', 'x']],
    [/needs a value/, ['agent', '--url']],
    [/--purge goes with --uninstall/, ['agent', '--purge']],
    [/no build in/, ['agent', '--url', 'https://h:1', '--token-file', token, '--from', directory]],
  ];
  for (const [message, args] of refusals) {
    const { status, stderr } = install(root, ...args);
    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /secret/);
  }
  assert.deepEqual(filesBelow(root), []);
});

test('the installer takes the addresses that the agent takes', () => {
  const addresses = ['HTTPS://h', 'Http://h:65535/a@b', 'https://[::1]', 'https://[::1]:9477', 'https://h:/'];
  for (const [i, address] of addresses.entries()) {
    assert.ok('value' in httpUrl()(address), address);
    const root = join(directory, `address-${i}`);
    const { status, stderr } = install(root, 'agent', '--url', address, '--token-file', token);
    assert.equal(status, 0, stderr);
    assert.ok(
      readFileSync(join(root, 'etc/holdfast/agent.yaml'), 'utf8').includes(`\ncollectorUrl: ${address}\n`),
    );
  }
});
