/** The rows of what broke that have to do with the checkout, the store, the schedule and the ways out: see what-broke.test.ts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestVault } from '@holdfast/collector/sweep/vault/test-vault';
import { call } from '../harness/api.ts';
import { startCollectorCommand } from '../harness/process.ts';
import { needTerraform, StackTree } from '../harness/terraform/stack-tree.ts';
import {
  collectorFor,
  freshDirectory,
  listener,
  type Sweep,
  sweepByHand,
  sweepOf,
  untilEnded,
  workingBelow,
} from '../harness/terraform/swept-collector.ts';
import { waitFor } from '../harness/wait.ts';
import { needTool } from '../need.ts';

const skip = needTerraform;
const data = (input: string) => `resource "terraform_data" "a" {\n  input = "${input}"\n}\n`;

async function treeOf(...stacks: string[]): Promise<StackTree> {
  const tree = await StackTree.create();
  const [first = '', ...rest] = stacks.map((name) => `stacks/${name}`);
  await tree.apply(first, { 'main.tf': data('one') });
  for (const stack of rest) await tree.copy(first, stack, '-', '-');
  return tree;
}

function script(tree: StackTree, name: string, text: string): string {
  const file = join(tree.directory, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

async function sweepNow(url: string): Promise<Sweep> {
  const { body } = await call<Sweep>(url, '/api/v1/sweeps', { method: 'POST' });
  return untilEnded(url, body.id);
}

/** The value of a series on a page; undefined if it is not there. */
function valueOf(page: string, series: string): number | undefined {
  const line = page.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('2: after errors alone the summary, the series and the API count the same errors', {
  skip,
}, async () => {
  await using tree = await StackTree.create();
  for (let i = 0; i < 8; i++) await tree.write(`stacks/s${i}`, { 'main.tf': 'resource {' });
  const dataDir = freshDirectory();
  const summary = await sweepByHand([], { ...sweepOf(tree), HOLDFAST_DATA_DIR: dataDir });
  assert.equal(summary.exit, 1);
  assert.match(summary.output, /^8 stacks: 8 error$/m);
  await using collector = await collectorFor(dataDir, sweepOf(tree));
  const page = (await call(collector.url, '/metrics')).text;
  assert.equal(valueOf(page, 'holdfast_sweep_stacks{outcome="error"}'), 8);
  assert.equal(page.match(/^holdfast_stack_outcome\{stack="[^"]+",outcome="error"\} 1$/gm)?.length, 8);
  const { body } = await call<{ sweeps: Sweep[] }>(collector.url, '/api/v1/sweeps');
  assert.equal(body.sweeps[0]?.counts['error'], 8);
});

test('5: a commit that comes while stacks are planned is fetched before anyone is told, and both are recorded', {
  skip: skip || needTool('git', 'apt-get install -y git'),
}, async () => {
  await using tree = await treeOf('moved', 'still');
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.test', '-c', 'commit.gpgsign=false'];
  const git = (...args: string[]) =>
    execFileSync('git', [...identity, ...args], { cwd: tree.root, encoding: 'utf8', stdio: 'pipe' }).trim();
  const commit = (input: string) => {
    for (const stack of ['moved', 'still'])
      writeFileSync(tree.path(`stacks/${stack}`, 'main.tf'), data(input));
    git('add', '--all');
    git('commit', '--quiet', '--message', input);
    return git('rev-parse', 'HEAD');
  };
  git('init', '--quiet', '--initial-branch=main');
  const stale = commit('of yesterday');
  const ready = join(tree.directory, 'ready');
  const planned = join(tree.directory, 'planned');
  // The first plans wait until the newer commit is there; they see the older one.
  const command = script(
    tree,
    'terraform-between',
    `[ "$1" != plan ] || echo x >> ${planned}\nwhile [ ! -e ${ready} ]; do sleep 0.05; done\nexec terraform "$@"`,
  );
  await using collector = await collectorFor(freshDirectory(), {
    HOLDFAST_SWEEP_GIT: `file://${tree.root}`,
    HOLDFAST_SWEEP_REF: 'main',
    HOLDFAST_SWEEP_MARKER: 'main.tf',
    HOLDFAST_SWEEP_SCHEDULE: 'off',
    HOLDFAST_SWEEP_COMMAND: `${command} plan`,
  });
  const { body } = await call<Sweep>(collector.url, '/api/v1/sweeps', { method: 'POST' });
  await waitFor('the first plan', () => existsSync(planned));
  const newest = commit('one');
  writeFileSync(ready, '');
  const ended = (await untilEnded(collector.url, body.id)) as Sweep & {
    readonly commit: string;
    readonly confirmedOn: string;
    readonly reclassified: number;
  };
  assert.deepEqual([ended.counts['clean'], ended.reclassified], [2, 2], JSON.stringify(ended));
  assert.deepEqual([ended.commit, ended.confirmedOn], [stale, newest]);
});

test('8: a scaffold and what is excluded by name are found, not planned, and shown with the reason', {
  skip,
}, async () => {
  await using tree = await treeOf('network', 'vault');
  await tree.write('stacks/_template', { 'main.tf': 'resource {' });
  await tree.write('stacks/vault', { 'main.tf': 'resource {' });
  const config = join(tree.directory, 'collector.yaml');
  writeFileSync(
    config,
    `sweep:\n  source: {path: ${tree.root}}\n  marker: main.tf\n  command: [terraform, plan]\n  exclude: [{stack: stacks/vault, reason: applied by hand}]\n`,
  );
  const dataDir = freshDirectory();
  const { exit, output } = await sweepByHand(['--config', config, '--json'], { HOLDFAST_DATA_DIR: dataDir });
  assert.equal(exit, 0, output);
  await using collector = await collectorFor(dataDir, sweepOf(tree));
  const { body } = await call<{
    stacks: { stack: string; outcome: string; excludedBecause: string | null }[];
  }>(collector.url, '/api/v1/stacks');
  assert.deepEqual(
    body.stacks.map(({ stack, outcome, excludedBecause }) => [stack, outcome, excludedBecause]),
    [
      ['stacks/_template', 'excluded', 'a scaffold'],
      ['stacks/network', 'clean', null],
      ['stacks/vault', 'excluded', 'applied by hand'],
    ],
  );
  const page = (await call(collector.url, '/metrics')).text;
  assert.equal(valueOf(page, 'holdfast_stack_outcome{stack="stacks/vault",outcome="excluded"}'), 1);
});

test('10, 11: since when is kept for each stack, over restarts, ends with the difference, and is not inherited', {
  skip,
}, async () => {
  await using tree = await treeOf('a', 'b', 'c');
  using others = await listener();
  const dataDir = freshDirectory();
  const env = { ...sweepOf(tree), HOLDFAST_PUSHGATEWAY_URL: others.url };
  const since = (stack: string) => `holdfast_stack_drift_since_timestamp_seconds{stack="stacks/${stack}"}`;
  const told = async (count: number) => {
    const { method, path, body } = await waitFor('the push', () => others.bodies[count - 1]);
    assert.deepEqual([method, path], ['PUT', '/metrics/job/holdfast_sweep']);
    return body;
  };
  let first: number;
  {
    await using collector = await collectorFor(dataDir, env);
    await tree.write('stacks/a', { 'main.tf': data('two') });
    await sweepNow(collector.url);
    const page = await told(1);
    first = valueOf(page, since('a'))!;
    assert.ok(first > Date.now() / 1000 - 120);
    assert.deepEqual([valueOf(page, since('b')), valueOf(page, since('c'))], [undefined, undefined]);
  }
  await using collector = await collectorFor(dataDir, env);
  assert.equal(valueOf(await told(2), since('a')), first, 'told anew by the one that comes after it');
  await tree.write('stacks/b', { 'main.tf': data('two') });
  await sweepNow(collector.url);
  const page = await told(3);
  assert.equal(valueOf(page, since('a')), first, 'it stands since then');
  assert.ok(valueOf(page, since('b'))! > first, 'and the other since later');
  for (const stack of ['a', 'b']) await tree.write(`stacks/${stack}`, { 'main.tf': data('one') });
  await sweepNow(collector.url);
  assert.doesNotMatch(await told(4), /drift_since_timestamp_seconds\{/);
  await tree.write('stacks/a', { 'main.tf': data('three') });
  await sweepNow(collector.url);
  assert.ok(valueOf(await told(5), since('a'))! > first, 'the next difference has its own age');
});

test('a Vault token reaches children by environment alone, and is revoked after the last of them', {
  skip,
}, async () => {
  await using vault = await TestVault.open();
  await using tree = await treeOf('a', 'b');
  await tree.write('stacks/b', { 'main.tf': data('two') });
  const seen = join(tree.directory, 'seen');
  const command = script(
    tree,
    'terraform-seen',
    `echo "$VAULT_ADDR $VAULT_TOKEN" >> ${seen}\ntr '\\0' ' ' < /proc/$$/cmdline >> ${seen}.argv\nexec terraform "$@"`,
  );
  const tokenFile = join(tree.directory, 'jwt');
  writeFileSync(tokenFile, 'service-account-jwt');
  const running: number[] = [];
  vault.onCall = ({ path }) => {
    if (path.endsWith('revoke-self')) running.push(workingBelow(tree.root).length);
  };
  const dataDir = freshDirectory();
  const { exit, output } = await sweepByHand([], {
    ...sweepOf(tree),
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_LOG_LEVEL: 'debug',
    HOLDFAST_SWEEP_COMMAND: `${command} plan`,
    HOLDFAST_SWEEP_VAULT_ADDRESS: vault.url.href,
    HOLDFAST_SWEEP_VAULT_ROLE: 'terraform-plan-runner',
    HOLDFAST_SWEEP_VAULT_TOKEN_FILE: tokenFile,
  });
  assert.equal(exit, 2, output);
  assert.deepEqual(vault.paths(), ['kubernetes/login', 'token/revoke-self']);
  assert.deepEqual(vault.calls[0]!.body, { role: 'terraform-plan-runner', jwt: 'service-account-jwt' });
  assert.deepEqual(running, [0], 'nothing ran any more when it was revoked');
  assert.equal(vault.live.size, 0);
  const token = vault.calls[1]!.token!;
  const lines = new Set(readFileSync(seen, 'utf8').trim().split('\n'));
  assert.deepEqual([...lines], [`${vault.url.origin} ${token}`]);
  for (const text of [readFileSync(`${seen}.argv`, 'utf8'), output]) assert.ok(!text.includes(token));

  vault.sealed = true;
  const sealed = await sweepByHand([], {
    ...sweepOf(tree),
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_SWEEP_VAULT_ADDRESS: vault.url.href,
    HOLDFAST_SWEEP_VAULT_ROLE: 'terraform-plan-runner',
    HOLDFAST_SWEEP_VAULT_TOKEN_FILE: tokenFile,
  });
  assert.equal(sealed.exit, 1);
  assert.match(sealed.output, /Vault is sealed/);
  assert.match(sealed.output, /2 unmeasured/);
});

test('the deadline counts from the first step on: what prepares the checkout ends with it', {
  skip,
}, async () => {
  await using tree = await treeOf('a');
  const config = join(tree.directory, 'collector.yaml');
  writeFileSync(
    config,
    `sweep:\n  source: {path: ${tree.root}}\n  marker: main.tf\n  command: [terraform, plan]\n  stackTimeoutSeconds: 1\n  deadlineSeconds: 1\n  prepare: [sleep 60]\n`,
  );
  const { exit, output } = await sweepByHand(['--config', config], { HOLDFAST_DATA_DIR: freshDirectory() });
  assert.equal(exit, 1);
  assert.match(output, /nothing was planned: prepare: .*the sweep's deadline came first/);
  assert.deepEqual(workingBelow(tree.root), []);
});

test('kill -9 while the checkout is prepared leaves no child', { skip }, async () => {
  await using tree = await treeOf('a');
  const config = join(tree.directory, 'collector.yaml');
  const begun = join(tree.directory, 'begun');
  writeFileSync(
    config,
    `sweep:\n  source: {path: ${tree.root}}\n  marker: main.tf\n  command: [terraform, plan]\n  prepare: ["trap '' INT TERM HUP; sleep 60 & echo > ${begun}; wait"]\n`,
  );
  await using sweep = startCollectorCommand(['sweep', '--config', config], {
    HOLDFAST_DATA_DIR: freshDirectory(),
  });
  await waitFor('prepare to run', () => existsSync(begun));
  assert.ok(workingBelow(tree.root).length > 0);
  sweep.kill('SIGKILL');
  await waitFor('no child to be left', () => workingBelow(tree.root).length === 0);
});
