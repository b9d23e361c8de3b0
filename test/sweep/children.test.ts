/** What becomes of the processes of a sweep: at a timeout, when the sweep is stopped, and when its process is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sweepMark } from '@holdfast/collector/sweep/core/child-environment';
import { markOf } from '@holdfast/collector/sweep/strays';
import { needRoot } from '../need.ts';
import { projectRoot } from '../harness/process.ts';
import { needTerraform, StackTree } from '../harness/terraform/stack-tree.ts';
import { waitFor } from '../harness/wait.ts';

/** A program that stands for terraform where the real one can't be made to misbehave. */
async function fakeCommand(tree: StackTree, script: string): Promise<string[]> {
  const file = join(tree.directory, 'fake');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return [file, 'plan'];
}

/** Processes that carry the mark of the tree's sweeps. */
function childrenOf(tree: StackTree): string[] {
  const sign = `${sweepMark}=${markOf(tree.workDirectory)}/`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(sign);
      } catch {
        return false;
      }
    });
}

async function treeOfOne(): Promise<StackTree> {
  const tree = await StackTree.create();
  await tree.write('one', { 'main.tf': '' });
  return tree;
}

const limits = { stackTimeoutMs: 300, graceMs: 150 };

test('a plan that takes too long is interrupted, and may still tell how it ended', async () => {
  await using tree = await treeOfOne();
  const command = await fakeCommand(
    tree,
    `trap 'echo once >> ${tree.directory}/told; exit 1' INT; while :; do sleep 0.05; done`,
  );
  const swept = await tree.sweep({ command, limits });
  assert.equal(swept.of('one').outcome, 'timeout');
  assert.match(swept.of('one').diagnostic!, /not done after 0\.3 s/);
  assert.equal(await readFile(join(tree.directory, 'told'), 'utf8'), 'once\n');
  assert.deepEqual(childrenOf(tree), []);
});

test('a plan that ignores the first interrupt gets a second one', async () => {
  await using tree = await treeOfOne();
  const command = await fakeCommand(
    tree,
    `n=0; trap 'n=$((n+1)); echo $n >> ${tree.directory}/told; [ $n -lt 2 ] || exit 1' INT; while :; do sleep 0.05; done`,
  );
  const swept = await tree.sweep({ command, limits: { ...limits, graceMs: 400 } });
  assert.equal(swept.of('one').outcome, 'timeout');
  assert.equal(await readFile(join(tree.directory, 'told'), 'utf8'), '1\n2\n');
});

test('a plan that ignores every interrupt is killed, with what it started in its group and out of it', async () => {
  await using tree = await treeOfOne();
  const command = await fakeCommand(
    tree,
    `trap '' INT TERM HUP; sleep 60 & setsid sh -c "trap '' INT; sleep 60" & while :; do sleep 1; done`,
  );
  const begun = Date.now();
  const swept = await tree.sweep({ command, limits });
  assert.equal(swept.of('one').outcome, 'timeout');
  assert.deepEqual(childrenOf(tree), []);
  assert.ok(Date.now() - begun < 15_000);
});

test('what a plan leaves behind in its group ends with it', async () => {
  await using tree = await treeOfOne();
  const command = await fakeCommand(tree, 'sleep 60 & exit 1');
  assert.equal((await tree.sweep({ command })).of('one').outcome, 'error');
  assert.deepEqual(childrenOf(tree), []);
});

test('a sweep that is stopped ends its children; what was not measured is unmeasured, and it says so', async () => {
  await using tree = await StackTree.create();
  for (const stack of ['a', 'b', 'c']) await tree.write(stack, { 'main.tf': '' });
  const command = await fakeCommand(tree, 'exec sleep 60');
  const stop = new AbortController();
  const swept = await tree.sweep({
    command,
    limits: { graceMs: 100 },
    ports: {
      signal: stop.signal,
      onProgress: ({ kind }) => void (kind === 'planning' && setTimeout(() => stop.abort(), 100)),
    },
  });
  assert.equal(swept.endedBy, 'interrupt');
  assert.equal(swept.counts.unmeasured, 3);
  assert.equal(swept.balanced, true);
  assert.deepEqual(childrenOf(tree), []);
});

test('at the deadline what runs is stopped and what waits is not begun: both unmeasured, not errors', async () => {
  await using tree = await StackTree.create();
  for (const stack of ['a', 'b', 'c', 'd']) await tree.write(stack, { 'main.tf': '' });
  const command = await fakeCommand(tree, 'exec sleep 60');
  const swept = await tree.sweep({ command, limits: { deadlineMs: 200, graceMs: 100 } });
  assert.equal(swept.endedBy, 'deadline');
  assert.equal(swept.counts.unmeasured, 4);
  assert.deepEqual(childrenOf(tree), []);
});

test('kill -9 of the sweep leaves no child, no plan file and no outcome', {
  skip: needTerraform,
}, async () => {
  await using tree = await StackTree.create();
  await tree.apply('done', { 'main.tf': 'resource "terraform_data" "a" {}\n' });
  await tree.write('hangs', { 'main.tf': '' });
  // Writes a plan as terraform does, and then hangs; what it starts is in a session of its own, too.
  const command = await fakeCommand(
    tree,
    `case $PWD in *hangs) for word; do case $word in -out=*) echo secret > "\${word#-out=}";; esac; done
    trap '' INT TERM HUP; sleep 60 & setsid sh -c "trap '' INT TERM HUP; sleep 60; :" & while :; do sleep 1; done;; esac; exec terraform "$@"`,
  );
  const sweep = spawn(
    process.execPath,
    [join(projectRoot, 'test/harness/terraform/sweep-process.ts'), tree.directory, JSON.stringify(command)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  sweep.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const planFiles = async () =>
    (await readdir(tree.workDirectory, { recursive: true })).filter((name) => name.endsWith('plan'));
  await waitFor('a plan file', async () => output.includes('planned done') && (await planFiles()).length > 0);
  await waitFor('the one that left', () => childrenOf(tree).length >= 4);
  sweep.kill('SIGKILL');
  await waitFor('the end of all children', () => childrenOf(tree).length === 0);
  assert.deepEqual(await planFiles(), []);
  assert.doesNotMatch(output, /planned hangs/);
  // The next sweep clears up what is left, and measures as if nothing had been.
  const swept = await tree.sweep({ stacks: ['done'] });
  assert.equal(swept.of('done').outcome, 'clean');
  assert.deepEqual(await readdir(tree.workDirectory), []);
});

test('plan files lie where only their user can look, and are gone in the end', {
  skip: needTerraform,
}, async () => {
  await using tree = await StackTree.create();
  await tree.apply('one', { 'main.tf': 'resource "terraform_data" "a" {}\n' });
  const log = join(tree.directory, 'modes');
  const command = await fakeCommand(
    tree,
    `terraform "$@"; code=$?
    for word; do case $word in -out=*) file=\${word#-out=}; stat -c %a "$file" "\${file%/*}" "\${file%/*/*}" >> ${log};; esac; done
    exit $code`,
  );
  assert.equal((await tree.sweep({ command })).of('one').outcome, 'clean');
  assert.equal(await readFile(log, 'utf8'), '600\n700\n700\n');
  assert.deepEqual(await readdir(tree.workDirectory), []);
});

test('children run as the user that they are given', { skip: needRoot() || needTerraform }, async () => {
  await using tree = await StackTree.create();
  await tree.apply('one', { 'main.tf': 'resource "terraform_data" "a" {}\n' });
  for (const path of [tree.directory, tree.workDirectory, tree.root]) await chmod(path, 0o755);
  const log = join(tree.directory, 'files', 'user');
  await chmod(join(tree.directory, 'files'), 0o777);
  const command = await fakeCommand(tree, `id -u >> ${log}; exec terraform "$@"`);
  const swept = await tree.sweep({ command, runAs: { uid: 65534, gid: 65534 } });
  assert.equal(swept.of('one').outcome, 'clean', JSON.stringify(swept.of('one')));
  assert.equal(await readFile(log, 'utf8'), '65534\n65534\n');
  assert.equal((await stat(tree.path('one', 'terraform.tfstate'))).uid, 0);
});

test('a command that is not there is an error of each stack, and says so', async () => {
  await using tree = await treeOfOne();
  const swept = await tree.sweep({ command: ['no-such-program', 'plan'] });
  assert.equal(swept.of('one').outcome, 'error');
  assert.equal(swept.of('one').phase, 'crash');
  assert.match(swept.of('one').diagnostic!, /exited with 127: .*no-such-program: not found/);
});

test('a plan that prints without end is read without end, and its memory is bounded', async () => {
  await using tree = await treeOfOne();
  const command = await fakeCommand(tree, 'head -c 120000000 /dev/zero | tr "\\\\0" x; exit 1');
  const before = process.memoryUsage().rss;
  const swept = await tree.sweep({ command, limits: { stackTimeoutMs: 30_000 } });
  assert.equal(swept.of('one').outcome, 'error');
  await sleep(0);
  assert.ok(process.memoryUsage().rss - before < 60 * 2 ** 20);
});
