import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { OptionsError } from '@holdfast/shared/options';
import { loadConfig } from './load-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-sweep-config-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const configFile = join(directory, 'collector.yaml');

function load(yaml: string, environment: Record<string, string> = {}) {
  writeFileSync(configFile, yaml);
  return loadConfig({ environment, flags: {}, configFile });
}

function problemsOf(yaml: string, environment: Record<string, string> = {}): string[] {
  try {
    load(yaml, environment);
  } catch (error) {
    assert.ok(error instanceof OptionsError);
    return error.problems.map((problem) => problem.replaceAll(configFile, 'FILE'));
  }
  return assert.fail('should be refused');
}

describe("the sweep's configuration", () => {
  it('is off until a source of stacks is configured', () => {
    assert.equal(load('retentionDays: 7').sweep, null);
    assert.equal(load('', { HOLDFAST_SWEEP_CONCURRENCY: '2' }).sweep, null);
  });

  it('reads the block of the file, with the defaults that are promised', () => {
    const { sweep } = load('sweep: {source: {path: /infra}}');
    assert.deepEqual(sweep!.source, { kind: 'directory', path: '/infra' });
    assert.deepEqual(sweep!.stacks, ['stacks/*']);
    assert.deepEqual(sweep!.markers, ['terragrunt.hcl', 'terragrunt.hcl.json']);
    assert.deepEqual(sweep!.command, ['terragrunt', 'plan']);
    assert.deepEqual(sweep!.schedule, { cron: '0 6 * * *', timezone: 'UTC', jitterMs: 60_000 });
    assert.deepEqual(sweep!.environment, ['PATH', 'HOME', 'TF_*']);
    const { concurrency, stackTimeoutMs, deadlineMs } = sweep!.limits;
    assert.deepEqual([concurrency, stackTimeoutMs, deadlineMs], [4, 600_000, 3_600_000]);
    assert.deepEqual([sweep!.vault, sweep!.user, sweep!.rules.length], [null, null, 0]);
  });

  it('reads everything that the block can hold', () => {
    const { sweep, sweepPush } = load(`
sweep:
  source: {git: "https://git.example.test/infra.git", ref: release/1, credentialsFile: /run/git}
  stacks: ["stacks/{a,b}/*", "live/*"]
  marker: main.tf
  exclude: [{stack: "stacks/vault", reason: "applied by hand"}]
  prepare: ["sops -d secrets.enc > secrets.yaml", [./prepare.sh, "an argument"]]
  command: [../../scripts/tg, plan]
  schedule: "off"
  concurrency: 8
  user: "1001:1002"
  vault: {address: "https://vault.example.test/", mount: k8s, audience: vault}
  ignore: [{stack: "stacks/x", address: "null_resource.*", reason: noise, owner: team-a, until: 2027-01-01}]
  promote: [{address: "aws_iam_*", attributes: [policy], reason: matters, owner: team-b}]
  push: {token: ${'t'.repeat(20)}}
`);
    assert.deepEqual(sweep!.source, {
      kind: 'git',
      url: 'https://git.example.test/infra.git',
      ref: 'release/1',
      credentialsFile: '/run/git',
      knownHostsFile: null,
    });
    assert.deepEqual(sweep!.stacks, ['stacks/{a,b}/*', 'live/*']);
    assert.deepEqual(sweep!.prepare, [
      ['sh', '-c', 'sops -d secrets.enc > secrets.yaml'],
      ['./prepare.sh', 'an argument'],
    ]);
    assert.deepEqual(sweep!.command, ['../../scripts/tg', 'plan']);
    assert.equal(sweep!.schedule, null);
    assert.deepEqual(sweep!.user, { uid: 1001, gid: 1002 });
    assert.equal(sweep!.vault!.role, 'terraform-plan-runner');
    assert.deepEqual(
      sweep!.rules.map(({ id, effect, stack, attributes, until }) => [id, effect, stack, attributes, until]),
      [
        ['ignore stacks/x null_resource.*', 'ignore', 'stacks/x', null, Date.parse('2027-01-01')],
        ['promote ** aws_iam_* [policy]', 'promote', '**', ['policy'], null],
      ],
    );
    assert.equal(sweepPush.token, 't'.repeat(20));
  });

  it('lets variables override the block, words between blanks', () => {
    const { sweep } = load('sweep: {source: {path: /infra}, command: [terragrunt, plan]}', {
      HOLDFAST_SWEEP_COMMAND: 'terraform plan -compact-warnings',
      HOLDFAST_SWEEP_STACKS: 'a/* b/{c,d}',
    });
    assert.deepEqual(sweep!.command, ['terraform', 'plan', '-compact-warnings']);
    assert.deepEqual(sweep!.stacks, ['a/*', 'b/{c,d}']);
  });

  it('tells every problem at once, by the place in the block', () => {
    const problems = problemsOf(`
sweep:
  source: {git: "https://user:secret@git.example.test/infra.git"}
  concurency: 4
  concurrency: 0
  schedule: "every day"
  timezone: Mars/Olympus
  command: [terraform, apply]
  stackTimeoutSeconds: 4000
  user: root
  vault: {adress: x}
  exclude: [{stack: "stacks/vault"}]
  ignore: [{address: "x.*", reason: noise, owner: a, until: soon}, {stack: "a[", address: b, reason: c, owner: d}]
`);
    const names = problems.map((problem) => problem.slice(0, problem.indexOf(' in FILE')));
    assert.deepEqual(names.sort(), [
      'sweep.command',
      'sweep.concurency',
      'sweep.concurrency',
      'sweep.exclude[0]',
      'sweep.ignore[0].until',
      'sweep.schedule',
      'sweep.source.git',
      'sweep.stackTimeoutSeconds',
      'sweep.timezone',
      'sweep.user',
      'sweep.vault.adress',
    ]);
    assert.match(problems.join('\n'), /did you mean concurrency\?/);
    assert.ok(!problems.join('\n').includes('secret'));
  });

  it('refuses a glob that is none, two sources, a block without one, and URLs that run programs', () => {
    assert.match(
      problemsOf('sweep: {source: {path: /a}, exclude: [{stack: "a[", reason: x}]}').join(),
      /exclude\[0\]\.stack in FILE/,
    );
    assert.match(
      problemsOf('sweep: {source: {path: /a, git: "https://x/y"}}').join(),
      /source\.git in FILE: cannot be set beside sweep\.source\.path in FILE/,
    );
    assert.match(problemsOf('sweep: {concurrency: 2}').join(), /needs a source/);
    assert.match(problemsOf('sweep: nonsense').join(), /must hold names and values/);
    for (const url of ['ext::sh -c id', '--upload-pack=id', 'git@host:-x', '/local/path']) {
      assert.equal(problemsOf('', { HOLDFAST_SWEEP_GIT: url }).length, 1, url);
    }
    for (const url of ['git@host:group/infra.git', 'ssh://git@host/infra.git', 'https://token@host/infra'])
      assert.equal(load('', { HOLDFAST_SWEEP_GIT: url }).sweep!.source.kind, 'git');
  });
});
