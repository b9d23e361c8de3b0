import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentCommand } from '../../../../test/harness/process.ts';
import { ended, testAgent } from './test-agent.ts';

const commands = ['run', 'scan', 'init', 'check', 'update', 'doctor', 'aide-config', 'version'];

test('version and help print to stdout alone, and exit 0', async (t) => {
  const agent = await testAgent(t);
  const version = await ended(agent.spawn([...agentCommand, 'version']));
  assert.deepEqual({ ...version, stdout: '' }, { code: 0, stdout: '', stderr: '' });
  assert.match(version.stdout, /^holdfast-agent \d+\.\d+\.\d+\n$/);
  assert.deepEqual(await ended(agent.spawn([...agentCommand, '--version'])), version);
  const all = await agent.run(['--help']);
  assert.equal(all.code, 0);
  for (const command of commands) {
    assert.match(all.stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
    const help = await agent.run([command, '--help']);
    assert.deepEqual([help.code, help.stderr], [0, ''], command);
    assert.match(help.stdout, new RegExp(`^Usage: holdfast-agent ${command}`));
  }
});

test('what is not understood is one line on stderr, and exit 1', async (t) => {
  const agent = await testAgent(t);
  for (const args of [[], ['bogus'], ['check'], ['scan', '--nonsense'], ['scan', 'extra']]) {
    const { code, stdout, stderr } = await agent.run(args);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.notEqual(stderr, '');
    assert.doesNotMatch(stderr, /^ +at /m);
  }
});

test('an unknown variable stops every command, and all problems are told at once', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout, stderr } = await agent.run(['scan'], {
    HOLDFAST_SCOPE_FIEL: '/x',
    HOLDFAST_HEARTBEAT_SECONDS: 'often',
  });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /HOLDFAST_SCOPE_FIEL: is not an option; did you mean HOLDFAST_SCOPE_FILE\?/);
  assert.match(stderr, /HOLDFAST_HEARTBEAT_SECONDS: .* \(got "often"\)/);
});

test('a signal ends a command that looks, with the exit code that shells expect', async (t) => {
  const agent = await testAgent(t);
  // A file without an end would take far longer than the test may.
  await writeFile(join(agent.tree, 'sparse'), '');
  await truncate(join(agent.tree, 'sparse'), 2 ** 40);
  const child = agent.spawn([...agentCommand, 'scan', '--max-file-mib', String(2 ** 20)]);
  setTimeout(() => child.kill('SIGTERM'), 2500);
  const { code, stdout } = await ended(child);
  assert.deepEqual([code, stdout], [143, '']);
});

test('every problem of a scope file is told, each with the name of the file', async (t) => {
  const agent = await testAgent(t);
  const scope = join(agent.directory, 'bad.yaml');
  await writeFile(scope, 'version: 1\npaths:\n  - path: relative\n  - path: /etc/\n');
  const { code, stderr } = await agent.run(['scan', '--scope-file', scope]);
  assert.equal(code, 1);
  assert.equal(stderr.match(/bad\.yaml: \/paths\/\d/g)?.length, 2, stderr);
});
