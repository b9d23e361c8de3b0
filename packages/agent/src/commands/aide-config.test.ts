import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { needTool } from '../../../../test/need.ts';
import { testAgent } from './test-agent.ts';

test('AIDE takes the configuration that is printed', {
  skip: needTool('aide', 'apt-get install -y aide'),
}, async (t) => {
  const agent = await testAgent(t);
  const { code, stdout, stderr } = await agent.run(['aide-config']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\/.* f .*\+sha256\+/m);
  const checked = spawnSync('aide', ['--config=-', '--config-check'], { input: stdout, encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
});

test('without an AIDE it is printed all the same, with a note and the cure', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout, stderr } = await agent.run(['aide-config', '--aide-binary', '/no/such/aide']);
  assert.equal(code, 0);
  assert.match(stdout, /^report_format=json$/m);
  assert.match(stderr, /not found.*install the package `aide`/);
});

test('a host root that AIDE cannot be told of is an error that says so', async (t) => {
  const agent = await testAgent(t);
  const { code, stderr } = await agent.run(['aide-config', '--host-root', '/no such']);
  assert.equal(code, 1);
  assert.match(stderr, /AIDE cannot be told of a host root called "\/no such"/);
});
