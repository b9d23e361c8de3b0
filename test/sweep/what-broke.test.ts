/**
 * What broke in a real nightly sweep of 150 stacks over half a year, each as a test that it can't break so again. What
 * has to do with the checkout, the store and the ways out is in what-broke-around.test.ts, the schedule (13) beside its
 * source.
 */
import assert from 'node:assert/strict';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { foldCauses } from '@holdfast/collector/sweep/core/fold-causes';
import { isPerpetual } from '@holdfast/collector/sweep/core/perpetual';
import type { StackResult } from '@holdfast/collector/sweep/core/stack-result';
import type { StackHint } from '@holdfast/collector/sweep/sweep-request';
import { needTerraform, StackTree } from '../harness/terraform/stack-tree.ts';

const skip = needTerraform;
const data = (input: string) => `resource "terraform_data" "a" {\n  input = "${input}"\n}\n`;

/** `count` stacks that were applied, named s0, s1, … */
async function appliedTree(count: number, code = data('one')): Promise<StackTree> {
  const tree = await StackTree.create();
  await tree.apply('s0', { 'main.tf': code, 'terragrunt.hcl': '' });
  for (let i = 1; i < count; i++) await tree.copy('s0', `s${i}`, '-', '-');
  return tree;
}

/** Stands before terraform; `$STACK` is the stack's name, and `$COUNT` how often it was planned, this time included. */
async function wrapper(tree: StackTree, script: string): Promise<string[]> {
  const file = join(tree.directory, 'wrapper');
  await writeFile(
    file,
    `#!/bin/sh
STACK=\${PWD##*/}
if [ "$1" = plan ]; then echo x >> ${tree.directory}/planned-$STACK; fi
COUNT=$(wc -l < ${tree.directory}/planned-$STACK)
${script}
exec terraform "$@"
`,
  );
  await chmod(file, 0o755);
  return [file, 'plan'];
}

const failsLike = (message: string) => `{ echo 'Error: ${message}' >&2; exit 1; }`;
const databaseIsAway = failsLike(
  'Failed to get existing workspaces: dial tcp [::1]:5432: connect: connection refused',
);

test('1: exit codes 1 and 2 of one stack do not end the sweep', { skip }, async () => {
  await using tree = await appliedTree(5);
  await tree.write('s0', { 'main.tf': 'resource {' });
  await tree.write('s1', { 'main.tf': data('two') });
  const swept = await tree.sweep({ limits: { concurrency: 1 } });
  assert.deepEqual(
    swept.results.map(({ outcome }) => outcome),
    ['error', 'pending', 'clean', 'clean', 'clean'],
  );
  assert.equal(swept.balanced, true);
});

test('3: prefixes and colours of a wrapper hide no change, and exit codes that it swallows do not either', {
  skip,
}, async () => {
  for (const standin of ['', 'old', 'swallow']) {
    await using tree = await appliedTree(3);
    await tree.write('s1', { 'main.tf': data('two') });
    await tree.write('s2', { 'main.tf': data('${var.nowhere}') });
    const swept = await tree.sweep({
      command: ['terragrunt', 'run', '--non-interactive', '--', 'plan'],
      environment: { TERRAGRUNT_STANDIN: standin },
    });
    assert.deepEqual(
      swept.results.map(({ outcome, phase }) => [outcome, phase]),
      [
        ['clean', null],
        ['pending', null],
        ['error', 'config'],
      ],
      `as ${standin}`,
    );
  }
});

test('4: if the first stack can not reach its state, not all of them run into it', { skip }, async () => {
  await using tree = await appliedTree(12);
  const command = await wrapper(tree, databaseIsAway);
  const swept = await tree.sweep({ command, limits: { breakerProbes: 3, breakerPauseMs: 10 } });
  assert.equal(swept.endedBy, 'breaker');
  assert.equal(swept.counts.error + swept.counts.unmeasured, 12);
  assert.ok(swept.counts.error <= 4, `${swept.counts.error} errors`);
  assert.ok(
    swept.results.filter(({ outcome }) => outcome === 'error').every(({ phase }) => phase === 'backend'),
  );
  const unmeasured = swept.results.find(({ outcome }) => outcome === 'unmeasured')!;
  assert.match(unmeasured.diagnostic!, /gave up: too many plans failed by backend/);
});

test('5: a stale checkout is no drift: what differs is planned again against the newest commit', {
  skip,
}, async () => {
  await using tree = await appliedTree(4);
  for (const stack of ['s1', 's2']) await tree.write(stack, { 'main.tf': data('old') });
  const swept = await tree.sweep({
    ports: { refreshCheckout: () => tree.write('s1', { 'main.tf': data('one') }) },
  });
  assert.equal(swept.of('s1').outcome, 'clean');
  assert.equal(swept.of('s1').reclassified, true);
  assert.equal(swept.of('s2').outcome, 'pending');
  assert.equal(swept.of('s2').confirmed, true);
  assert.equal(swept.reclassified, 1);
  const final = swept.events.filter((event) => event.kind === 'planned' && event.isFinal);
  assert.equal(final.length, 4);
});

test('5: a stack that the newest commit has taken away differs from nothing', { skip }, async () => {
  await using tree = await appliedTree(2);
  await tree.write('s1', { 'main.tf': data('two') });
  const swept = await tree.sweep({
    ports: { refreshCheckout: () => rm(tree.path('s1'), { recursive: true }) },
  });
  const { outcome, excludedBecause } = swept.of('s1');
  assert.deepEqual([outcome, excludedBecause], ['excluded', 'the newest commit has taken it away']);
  assert.deepEqual([swept.balanced, swept.reclassified], [true, 1]);
});

test('5: a difference that can not be confirmed stays, and says that it is not', { skip }, async () => {
  await using tree = await appliedTree(2);
  await tree.write('s1', { 'main.tf': data('two') });
  const refused = await tree.sweep({
    ports: { refreshCheckout: () => Promise.reject(new Error('https://me:password1@git.example.test: 503')) },
  });
  assert.equal(refused.of('s1').outcome, 'pending');
  assert.equal(refused.of('s1').confirmed, false);
  assert.match(refused.of('s1').diagnostic!, /not confirmed: the checkout could not be refreshed/);
  assert.doesNotMatch(JSON.stringify(refused.results), /password1/);
  const broken = await tree.sweep({
    ports: { refreshCheckout: () => tree.write('s1', { 'main.tf': 'resource {' }) },
  });
  assert.equal(broken.of('s1').outcome, 'pending');
  assert.match(broken.of('s1').diagnostic!, /not confirmed: its second plan: error/);
});

test('5: one cause in many stacks is one row', { skip }, async () => {
  await using tree = await appliedTree(6, data('certificate of May'));
  for (const stack of ['s0', 's1', 's2', 's3'])
    await tree.write(stack, { 'main.tf': data('certificate of June') });
  await tree.write('s4', { 'main.tf': data('something else') });
  const { results } = await tree.sweep();
  const folded = foldCauses(results);
  assert.deepEqual(
    folded.map(({ stacks, type, action, attributes }) => [stacks.length, type, action, attributes]),
    [
      [4, 'terraform_data', 'update', ['input']],
      [1, 'terraform_data', 'update', ['input']],
    ],
  );
});

test('6: a failover of the state database in mid-run pauses the sweep, and leaves no error behind', {
  skip,
}, async () => {
  await using tree = await appliedTree(14);
  const away = join(tree.directory, 'away');
  const command = await wrapper(tree, `[ ! -e ${away} ] || ${databaseIsAway}`);
  let planned = 0;
  const swept = await tree.sweep({
    command,
    limits: { concurrency: 2, breakerFailures: 3, breakerPauseMs: 100 },
    ports: {
      onProgress(event) {
        if (event.kind === 'planned' && ++planned === 4) void writeFile(away, '');
        if (event.kind === 'paused') void rm(away, { force: true });
      },
    },
  });
  assert.deepEqual(swept.counts.clean, 14, JSON.stringify(swept.counts));
  assert.deepEqual(
    swept.events.map(({ kind }) => kind).filter((kind) => ['paused', 'resumed', 'gave-up'].includes(kind)),
    ['paused', 'resumed'],
  );
});

test('6: what was not planned is unmeasured, and planned first next time', { skip }, async () => {
  await using tree = await appliedTree(6);
  const hints = new Map<string, StackHint>([
    ...['s0', 's1', 's2'].map((stack) => [stack, { lastOutcome: 'clean', durationMs: 900 }] as const),
    ...['s3', 's4'].map((stack) => [stack, { lastOutcome: 'unmeasured', durationMs: 10 }] as const),
  ]);
  const swept = await tree.sweep({ hints, limits: { concurrency: 1 } });
  const order = swept.events.flatMap((event) => (event.kind === 'planning' ? [event.stack] : []));
  // One goes ahead alone; then those that were missed, then the longest.
  assert.deepEqual(order, ['s3', 's4', 's0', 's1', 's2', 's5']);
  const started = swept.events[0]!;
  assert.ok(started.kind === 'started' && started.fitsDeadline === true && started.predictedMs! > 2000);
});

test('7: a stack that can not be planned is an error with its phase, never clean', { skip }, async () => {
  await using tree = await appliedTree(1);
  const answers: readonly [script: string, phase: StackResult['phase']][] = [
    ['exit 0', 'crash'],
    ['exit 2', 'crash'],
    ['exit 11', 'crash'],
    ['kill -SEGV $$', 'crash'],
    ['exit 1', 'crash'],
    ['[ "$1" != show ] || exit 1', 'crash'],
    ['[ "$1" != show ] || { echo \'{"format_version":"2.0"}\'; exit 0; }', 'crash'],
    ['[ "$1" != show ] || { terraform "$@" | head -c 300; exit 0; }', 'crash'],
    ['[ "$1" != show ] || { terraform "$@" | sed s/no-op/no-such/; exit 0; }', 'crash'],
    [`[ "$1" != show ] || ${databaseIsAway}`, 'backend'],
    [failsLike('Error acquiring the state lock'), 'lock'],
    [failsLike('error configuring S3 Backend: no valid credential sources for S3 Backend found'), 'auth'],
    [failsLike('Failed to query available provider packages'), 'init'],
  ];
  for (const [script, phase] of answers) {
    const swept = await tree.sweep({
      command: await wrapper(tree, script),
      limits: { breakerPauseMs: 1, breakerProbes: 1 },
    });
    const result = swept.of('s0');
    assert.deepEqual(
      [result.outcome, result.phase],
      ['error', phase],
      `${script}: ${JSON.stringify(result)}`,
    );
    assert.ok(result.diagnostic);
  }
});

test('8: an exclusion has its reason and is counted, and is not planned', { skip }, async () => {
  await using tree = await appliedTree(2);
  const swept = await tree.sweep({
    stacks: ['s0', { stack: 's1', excludedBecause: 'applied by hand' }],
  });
  assert.equal(swept.of('s1').outcome, 'excluded');
  assert.equal(swept.of('s1').excludedBecause, 'applied by hand');
  assert.equal(swept.of('s1').startedAt, null);
  assert.equal(swept.discovered, 2);
});

test('9: timestamp() is told from a change that nobody has applied yet', { skip }, async () => {
  await using tree = await appliedTree(2);
  await tree.apply('always', {
    'main.tf': 'resource "terraform_data" "t" {\n  triggers_replace = timestamp()\n}\n',
  });
  await tree.apply('moving', {
    'main.tf': 'resource "terraform_data" "t" {\n  input = plantimestamp()\n}\n',
  });
  const history = new Map<string, StackResult[]>();
  for (let run = 0; run < 4; run++) {
    // Somebody applies it in between; it comes back by itself.
    if (run === 2) await tree.terraform('always', 'apply', '-auto-approve');
    if (run === 1) await tree.write('s1', { 'main.tf': data('two') });
    const { results } = await tree.sweep();
    for (const result of results) history.set(result.stack, [...(history.get(result.stack) ?? []), result]);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // plantimestamp() has seconds
  }
  const perpetual = [...history].filter(([, results]) => isPerpetual(results, true)).map(([stack]) => stack);
  assert.deepEqual(perpetual, ['always', 'moving']);
});

test('12: a sweep holds no lock: an apply at the same time goes through', { skip }, async () => {
  await using tree = await appliedTree(1);
  const command = await wrapper(
    tree,
    '[ "$1" != plan ] || { terraform apply -auto-approve -input=false >/dev/null || exit 9; [ "$2" = -json ] || exit 9; case "$*" in *-lock=false*) ;; *) exit 9;; esac; }',
  );
  assert.equal((await tree.sweep({ command })).of('s0').outcome, 'clean');
});

test('the state of a stack is the same after a sweep as before', { skip }, async () => {
  await using tree = await appliedTree(3);
  await tree.write('s1', { 'main.tf': data('two') });
  const states = () =>
    Promise.all(tree.stacks.map((stack) => readFile(tree.path(stack, 'terraform.tfstate'), 'utf8')));
  const before = await states();
  await tree.sweep();
  assert.deepEqual(await states(), before);
});

test('providers are installed by one stack at a time where they share a cache', { skip }, async () => {
  await using tree = await appliedTree(
    6,
    `terraform {\n  backend "local" {}\n}\n${data('one')}`.replace(
      'terraform {\n  backend "local" {}\n}\n',
      '',
    ),
  );
  for (const stack of tree.stacks) {
    await tree.write(stack, { 'backend.tf': 'terraform {\n  backend "local" {}\n}\n' });
  }
  const log = join(tree.directory, 'inits');
  const command = await wrapper(
    tree,
    `if [ "$1" = init ]; then mkdir ${tree.directory}/busy || echo together >> ${log}; sleep 0.05; terraform "$@"; code=$?; rmdir ${tree.directory}/busy; echo init >> ${log}; exit $code; fi`,
  );
  await writeFile(join(tree.directory, 'planned-warm'), '');
  const swept = await tree.sweep({
    command,
    limits: { concurrency: 4 },
    environment: { TF_PLUGIN_CACHE_DIR: tree.workDirectory },
  });
  assert.equal(swept.counts.clean, 6, JSON.stringify(swept.results[0]));
  assert.equal(await readFile(log, 'utf8'), 'init\n'.repeat(6));
});
