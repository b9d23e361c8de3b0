import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childEnvironment, fixedEnvironment, secretsOfEnvironment } from './child-environment.ts';

test('children see what is allowed, never what is ours or would log a plan, and what is fixed wins', () => {
  const seen = childEnvironment(
    {
      PATH: '/bin',
      AWS_REGION: 'eu',
      OTHER: 'x',
      HOLDFAST_OPERATOR_TOKEN: 't',
      TF_LOG: 'trace',
      TF_CLI_ARGS_plan: '-destroy',
      TG_LOG_LEVEL: 'debug',
      TF_INPUT: '1',
      EMPTY: undefined,
    },
    ['PATH', 'AWS_*', 'HOLDFAST_*', 'TF_*', 'TG_*', 'EMPTY'],
  );
  assert.deepEqual(seen, { PATH: '/bin', AWS_REGION: 'eu', ...fixedEnvironment });
  assert.equal(childEnvironment({ A: '1' }, ['*'])['A'], '1');
});

test('values are secret by the name of their variable', () => {
  const environment = {
    PATH: '/bin',
    TF_VAR_x: 'one',
    TF_TOKEN_app: 'two',
    PGPASSWORD: 'three',
    AWS_SECRET_ACCESS_KEY: 'four',
  };
  assert.deepEqual(secretsOfEnvironment(environment), ['one', 'two', 'three', 'four']);
});
