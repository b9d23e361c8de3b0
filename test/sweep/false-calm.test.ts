/** Ways in which a plan seems to change nothing and says nothing of its stack: one stack for each, all in one sweep. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StackResult } from '@holdfast/collector/sweep/core/stack-result';
import { type FakeProvider, startFakeProvider } from '../harness/terraform/provider.ts';
import { fakeFiles, needTerraform, StackTree, type Swept } from '../harness/terraform/stack-tree.ts';

interface Deception {
  readonly name: string;
  /** What a wrapper does with `plan`; `$PLAN` is the file that it is to write, `$CLEAN` the plan of another, clean stack. */
  readonly plan?: string;
  /** And with `show`. */
  readonly show?: string;
  /** What the file in the world holds. */
  readonly found?: string;
  readonly outcome: readonly [StackResult['outcome'], StackResult['phase']];
  readonly says?: RegExp;
}

const swallowed = 'terraform "$@" || exit 0';
const mocks =
  'Config ../vpc/terragrunt.hcl is a dependency of ./terragrunt.hcl that has no outputs, but mock outputs provided and returning those in dependency output.';

const deceptions: readonly Deception[] = [
  { name: 'exit code 2 is swallowed', plan: swallowed, outcome: ['drift', null] },
  {
    name: 'exit code 1 is swallowed, as by an "errors" block of Terragrunt',
    plan: swallowed,
    found: 'ERROR',
    outcome: ['error', 'provider'],
    says: /exited with 0 and reported an error/,
  },
  {
    name: 'exit code 1 is swallowed, and what was printed too',
    plan: 'terraform "$@" >/dev/null 2>&1; exit 0',
    found: 'ERROR',
    outcome: ['error', 'crash'],
    says: /its plan says that it failed/,
  },
  {
    name: 'the state is shown in the place of the plan',
    plan: swallowed,
    show: 'terraform show -json; exit 0',
    outcome: ['error', 'crash'],
    says: /no planned values/,
  },
  {
    name: 'nothing is shown but that it is JSON',
    plan: swallowed,
    show: `echo '{"format_version":"1.2"}'`,
    outcome: ['error', 'crash'],
    says: /no planned values/,
  },
  {
    name: 'the plan file is that of another stack',
    plan: 'terraform "$@"; cp $CLEAN $PLAN; exit 0',
    outcome: ['error', 'crash'],
    says: /announced 1 changes, and its plan holds none/,
  },
  {
    name: 'the plan file is that of another stack, and the exit code its own',
    plan: 'terraform "$@"; cp $CLEAN $PLAN; exit 2',
    outcome: ['error', 'crash'],
    says: /announced 1 changes/,
  },
  {
    name: 'the plan file is that of an earlier try, which failed for want of init',
    plan: `[ -e ran ] || { echo > ran; cp $CLEAN $PLAN; echo 'please run "terraform init"' >&2; exit 1; }; exit 0`,
    outcome: ['error', 'crash'],
    says: /left no plan file/,
  },
  {
    name: 'a wrapper adds -refresh=false',
    plan: 'terraform "$@" -refresh=false',
    outcome: ['error', 'config'],
    says: /looked at no resource/,
  },
  {
    name: 'a wrapper adds -target',
    plan: 'terraform "$@" -target=terraform_data.a',
    outcome: ['error', 'config'],
    says: /part of it only/,
  },
  {
    name: 'Terragrunt made outputs up',
    plan: `printf '12:00 \\033[33mWARN\\033[0m %s\\n' '${mocks}' >&2; head -c 40000 /dev/zero | tr '\\0' '\\n' >&2; terraform "$@"`,
    outcome: ['error', 'config'],
    says: /mock outputs/,
  },
  {
    name: 'an old Terragrunt made outputs up',
    plan: `echo '${mocks}'; terraform "$@"`,
    outcome: ['error', 'config'],
    says: /mock outputs/,
  },
];

if (needTerraform !== false) {
  test('what seems calm and is not understood', { skip: needTerraform }, () => undefined);
} else {
  let provider: FakeProvider;
  let tree: StackTree;
  let swept: Swept;
  const secret = 'a-token-in-the-state';

  before(async () => {
    provider = await startFakeProvider();
    tree = await StackTree.create(provider.environment);
    const more = `token = "${secret}"`;
    const code = `${fakeFiles({ f: { path: tree.file('s0'), content: 'hello', more } })}resource "terraform_data" "a" {}\n`;
    await tree.apply('s0', { 'main.tf': code });
    const clean = join(tree.directory, 'clean-plan');
    await tree.terraform('s0', 'plan', `-out=${clean}`);
    for (let i = 1; i < deceptions.length; i++)
      await tree.copy('s0', `s${i}`, tree.file('s0'), tree.file(`s${i}`));
    const cases = deceptions.map(
      ({ plan = 'terraform "$@"', show = 'terraform "$@"' }, i) =>
        `s${i}-plan) ${plan};;\ns${i}-show) ${show};;`,
    );
    const wrapper = join(tree.directory, 'wrapper');
    await writeFile(
      wrapper,
      `#!/bin/sh
CLEAN=${clean}
for word; do case $word in -out=*) PLAN=\${word#-out=};; esac; done
case \${PWD##*/}-$1 in
${cases.join('\n')}
*-init) terraform "$@";;
esac
`,
      { mode: 0o755 },
    );
    for (const [i, { found = 'tampered' }] of deceptions.entries())
      await writeFile(tree.file(`s${i}`), found);
    swept = await tree.sweep({ command: [wrapper, 'plan'] });
  });
  after(async () => {
    await tree[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  for (const [i, { name, outcome, says }] of deceptions.entries()) {
    test(`${name}: ${outcome.filter(Boolean).join(' in ')}`, () => {
      const result = swept.of(`s${i}`);
      assert.deepEqual([result.outcome, result.phase], outcome, JSON.stringify(result, null, 1));
      if (says) assert.match(result.diagnostic!, says);
      assert.ok(!JSON.stringify(result).includes(secret), 'the secret of its plan is kept');
    });
  }
}
