import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandProblem, initCommand, planCommand, showCommand } from './stack-command.ts';

test('plan, show and init take the place of plan, with flags that ask, lock and choose nothing', () => {
  const command = ['terragrunt', 'run', '--', 'plan', '-parallelism=4'];
  const flags = ['-json', '-input=false', '-lock=false', '-detailed-exitcode', '-out=/p'];
  assert.deepEqual(planCommand(command, '/p'), [
    'terragrunt',
    'run',
    '--',
    'plan',
    ...flags,
    '-parallelism=4',
  ]);
  assert.deepEqual(showCommand(command, '/p'), ['terragrunt', 'run', '--', 'show', '-json', '/p']);
  assert.deepEqual(initCommand(['tofu', 'plan'], true), [
    'tofu',
    'init',
    '-input=false',
    '-no-color',
    '-lockfile=readonly',
  ]);
  assert.ok(!initCommand(['tofu', 'plan'], false).includes('-lockfile=readonly'));
});

test('a command that would do something else than plan one stack is refused, with the reason', () => {
  assert.equal(commandProblem(['../../scripts/tg', 'plan']), null);
  for (const command of [[], ['plan'], ['terraform']])
    assert.match(commandProblem(command)!, /the word plan/);
  const words = [
    'apply',
    'destroy',
    'run-all',
    '--all',
    '-destroy',
    '-auto-approve',
    '-target=x',
    '-exclude=x',
    '-refresh=false',
    '-lock=true',
    '-out=x',
  ];
  for (const word of words) assert.match(commandProblem(['terraform', 'plan', word])!, /must not hold/, word);
  assert.match(commandProblem(['terraform', 'plan', ''])!, /no empty word/);
});
