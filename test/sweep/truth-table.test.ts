/** What each exit code and plan of the real terraform means: one stack for each situation, all in one sweep. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { StackResult } from '@holdfast/collector/sweep/core/stack-result';
import { type FakeProvider, startFakeProvider } from '../harness/terraform/provider.ts';
import { fakeFiles, needTerraform, StackTree, type Swept } from '../harness/terraform/stack-tree.ts';

interface Situation {
  readonly name: string;
  /** main.tf as it was applied; `FILE` stands for a path that is the situation's own. */
  readonly before: string;
  /** What moved then. */
  move?(tree: StackTree, stack: string, file: string): Promise<void>;
  readonly outcome: StackResult['outcome'];
  readonly phase?: StackResult['phase'];
  readonly actions?: readonly string[];
  readonly hidden?: number;
  readonly outside?: 'update' | 'delete';
  readonly attributes?: readonly string[];
}

const file = fakeFiles({ f: { path: 'FILE', content: 'hello' } });
const ignoring = fakeFiles({
  f: { path: 'FILE', content: 'hello', more: 'lifecycle { ignore_changes = [content] }' },
});
const data = 'resource "terraform_data" "a" {\n  input = "one"\n}\n';
const recode =
  (from: string | RegExp, into: string): NonNullable<Situation['move']> =>
  (tree, stack) =>
    tree.edit(stack, 'main.tf', from, into);

const situations: readonly Situation[] = [
  { name: 'nothing moved', before: file, outcome: 'clean' },
  {
    name: 'an attribute of the code was edited outside',
    before: file,
    move: (_, __, path) => writeFile(path, 'tampered'),
    outcome: 'drift',
    actions: ['update'],
    outside: 'update',
    attributes: ['content'],
  },
  {
    name: 'an attribute that the code ignores was edited outside',
    before: ignoring,
    move: (_, __, path) => writeFile(path, 'tampered'),
    outcome: 'clean',
    hidden: 1,
  },
  {
    name: 'a resource was deleted outside',
    before: file,
    move: (_, __, path) => rm(path),
    outcome: 'drift',
    actions: ['create'],
    outside: 'delete',
  },
  {
    name: 'the code was merged and not applied',
    before: file,
    move: recode('"hello"', '"new"'),
    outcome: 'pending',
    actions: ['update'],
    attributes: ['content'],
  },
  {
    name: 'a resource was added to the code',
    before: data,
    move: recode(/$/, 'resource "terraform_data" "b" {}\n'),
    outcome: 'pending',
    actions: ['create'],
  },
  {
    name: 'a resource was removed from the code',
    before: `${data}resource "terraform_data" "b" {}\n`,
    move: recode('resource "terraform_data" "b" {}\n', ''),
    outcome: 'pending',
    actions: ['delete'],
  },
  {
    name: 'a resource must be replaced',
    before: file,
    move: recode('path    = "', 'path    = "/tmp/holdfast-never-applied'),
    outcome: 'pending',
    actions: ['replace'],
  },
  {
    name: 'reality already is what the new code says',
    before: file,
    move: async (tree, stack, path) => {
      await tree.edit(stack, 'main.tf', '"hello"', '"new"');
      await writeFile(path, 'new');
    },
    outcome: 'clean',
    hidden: 1,
  },
  {
    name: 'the code changed one resource and the world another',
    before: fakeFiles({
      f: { path: 'FILE', content: 'hello' },
      g: { path: 'FILE-g', content: 'hello' },
    }),
    move: async (tree, stack, path) => {
      await tree.edit(stack, 'main.tf', /(FILE|-g"\n {2}content = )"hello"/, '$1"new"');
      await writeFile(path, 'tampered');
    },
    outcome: 'drift',
    actions: ['update', 'update'],
  },
  {
    name: 'a change outside that the code ignores led to another change',
    before: `${ignoring}resource "terraform_data" "b" {\n  input = fake_file.f.content\n}\n`,
    move: (_, __, path) => writeFile(path, 'tampered'),
    outcome: 'drift',
    actions: ['update', 'update'],
  },
  {
    name: 'the state was edited by hand',
    before: data,
    move: (tree, stack) => tree.edit(stack, 'terraform.tfstate', '"one"', '"two"'),
    outcome: 'pending',
    actions: ['update'],
  },
  {
    name: 'the state was deleted',
    before: data,
    move: (tree, stack) => rm(tree.path(stack, 'terraform.tfstate')),
    outcome: 'pending',
    actions: ['create'],
  },
  {
    name: 'a resource only moved in the code',
    before: data,
    move: recode(
      /[^]*/,
      data.replace('"a"', '"b"').concat('moved {\n  from = terraform_data.a\n  to = terraform_data.b\n}\n'),
    ),
    outcome: 'state',
    actions: ['move'],
  },
  {
    name: 'a resource is only to be removed from the state',
    before: data,
    move: recode(
      /[^]*/,
      'removed {\n  from = terraform_data.a\n  lifecycle {\n    destroy = false\n  }\n}\n',
    ),
    outcome: 'state',
    actions: ['forget'],
  },
  {
    name: 'a resource is only to be imported',
    before: data,
    move: async (tree, stack, path) => {
      await writeFile(path, 'hello');
      const code = fakeFiles({ f: { path, content: 'hello' } });
      await tree.write(stack, {
        'main.tf': `${code}${data}import {\n  to = fake_file.f\n  id = "${path}"\n}\n`,
      });
    },
    outcome: 'state',
    actions: ['import'],
  },
  {
    name: 'an output alone changed',
    before: `${data}output "o" {\n  value = "one"\n}\n`,
    move: recode('value = "one"', 'value = "two"'),
    outcome: 'state',
    actions: ['output'],
  },
  {
    name: 'somebody holds the lock of the state',
    before: data,
    move: (tree, stack) =>
      tree.write(stack, { '.terraform.tfstate.lock.info': '{"ID":"x","Operation":"OperationTypeApply"}' }),
    outcome: 'clean',
  },
  {
    name: 'an output of another stack changed, which this one reads',
    before: `data "terraform_remote_state" "s" {\n  backend = "local"\n  config = { path = "FILE" }\n}\n${data.replace('"one"', 'try(data.terraform_remote_state.s.outputs.o, "none")')}`,
    move: (_, __, path) =>
      writeFile(
        path,
        '{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"x","outputs":{"o":{"value":"two","type":"string"}},"resources":[]}',
      ),
    outcome: 'pending',
    actions: ['update'],
  },
  {
    name: 'a data source in a check is read at each plan',
    before: `${data}check "c" {\n  data "terraform_remote_state" "s" {\n    backend = "local"\n    config = { path = "\${path.module}/terraform.tfstate" }\n  }\n  assert {\n    condition     = data.terraform_remote_state.s.outputs != null\n    error_message = "never"\n  }\n}\n`,
    outcome: 'clean',
  },
  {
    name: 'a check has failed',
    before: `${data}check "c" {\n  assert {\n    condition     = terraform_data.a.id == "x"\n    error_message = "it is not x"\n  }\n}\n`,
    outcome: 'clean',
  },
  {
    name: 'timestamp() never settles',
    before: 'resource "terraform_data" "t" {\n  triggers_replace = timestamp()\n}\n',
    outcome: 'pending',
    actions: ['replace'],
  },
  {
    name: 'the code can not be parsed',
    before: data,
    move: recode(/$/, 'resource "terraform_data" {'),
    outcome: 'error',
    phase: 'config',
  },
  {
    name: 'the code names what is not there',
    before: data,
    move: recode('"one"', 'var.nowhere'),
    outcome: 'error',
    phase: 'config',
  },
  {
    name: 'a postcondition does not hold',
    before: data,
    move: recode(
      'input = "one"',
      'input = "one"\n  lifecycle {\n    postcondition {\n      condition     = self.input == "two"\n      error_message = "never"\n    }\n  }',
    ),
    outcome: 'error',
    phase: 'config',
  },
  {
    name: 'the provider fails',
    before: file,
    move: (_, __, path) => writeFile(path, 'ERROR'),
    outcome: 'error',
    phase: 'provider',
  },
  {
    name: 'a provider is not installed',
    before: data,
    move: recode(
      /$/,
      'terraform {\n  required_providers {\n    none = { source = "registry.invalid/none/none" }\n  }\n}\nresource "none_x" "y" {}\n',
    ),
    outcome: 'error',
    phase: 'init',
  },
  {
    name: 'a backend is configured and init installs it',
    before: `terraform {\n  backend "local" {}\n}\n${data}`,
    move: (tree, stack) => rm(tree.path(stack, '.terraform'), { recursive: true }),
    outcome: 'clean',
  },
  {
    name: 'the state is no state',
    before: data,
    move: (tree, stack) => writeFile(tree.path(stack, 'terraform.tfstate'), '{"version": 99}'),
    outcome: 'error',
    phase: 'backend',
  },
];

if (needTerraform !== false) {
  test('the exit codes of the real terraform', { skip: needTerraform }, () => undefined);
} else {
  let provider: FakeProvider;
  let tree: StackTree;
  let swept: Swept;
  const nameOf = (i: number) => `stacks/s${String(i).padStart(2, '0')}`;

  before(async () => {
    provider = await startFakeProvider();
    tree = await StackTree.create(provider.environment);
    for (const [i, situation] of situations.entries()) {
      const { before } = situation;
      const path = tree.file(String(i));
      const code = before.replaceAll('FILE', path);
      if (before.includes('remote_state') && before.includes('FILE')) {
        await writeFile(path, '{"version":4,"serial":1,"lineage":"x","outputs":{},"resources":[]}');
      }
      await tree.write(nameOf(i), { 'main.tf': code });
      if (code.includes('backend "')) await tree.terraform(nameOf(i), 'init');
      await tree.apply(nameOf(i));
      await situation.move?.(tree, nameOf(i), path);
    }
    swept = await tree.sweep({ limits: { concurrency: 4 } });
  });
  after(async () => {
    await tree[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  for (const [i, situation] of situations.entries()) {
    test(`${situation.name}: ${situation.outcome}${situation.phase ? ` in ${situation.phase}` : ''}`, () => {
      const result = swept.of(nameOf(i));
      const hint = JSON.stringify(result, null, 1);
      const visible = result.changes.filter(({ hidden }) => !hidden);
      assert.equal(result.outcome, situation.outcome, hint);
      assert.equal(result.phase, situation.phase ?? null, hint);
      assert.deepEqual(
        visible.map(({ action }) => action),
        situation.actions ?? [],
        hint,
      );
      assert.equal(result.hiddenChanges, situation.hidden ?? 0, hint);
      if (situation.outside) assert.equal(visible[0]?.outside, situation.outside);
      if (situation.attributes) assert.deepEqual(visible[0]?.attributes, situation.attributes);
    });
  }

  test('a resource that is replaced for timestamp() is unsettled, one that the code replaces is not', () => {
    const of = (name: string) =>
      swept.of(nameOf(situations.findIndex((one) => one.name === name))).changes[0];
    assert.equal(of('timestamp() never settles')?.unsettled, true);
    assert.equal(of('a resource must be replaced')?.unsettled, false);
  });

  test('the outcomes sum up to what was discovered', () => {
    assert.equal(swept.balanced, true);
    assert.equal(swept.discovered, situations.length);
  });
}
