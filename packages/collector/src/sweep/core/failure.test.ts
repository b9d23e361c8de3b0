import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf } from './failure.ts';

const plan = (noise: string) => failureOf({ command: 'plan', errors: [], noise });
const error = (summary: string, more: { address?: string; place?: string; detail?: string } = {}) =>
  failureOf({
    command: 'plan',
    errors: [
      { summary, detail: more.detail ?? '', address: more.address ?? null, place: more.place ?? null },
    ],
    noise: '',
  });

test('messages of Terraform, OpenTofu and Terragrunt name the phase, and what others would fail by too', () => {
  const table: [message: string, phase: string, breaker: string | null, cure: string | null][] = [
    ['panic: runtime error', 'crash', null, null],
    ['Error: Plugin did not respond', 'crash', null, null],
    ['Error acquiring the state lock', 'lock', 'lock', null],
    ["the cached package doesn't match any of the checksums", 'init', 'registry', 'init-without-cache'],
    ['fork/exec terraform-provider-x: text file busy', 'init', 'registry', 'init-without-cache'],
    ['Error: Backend initialization required, please run "terraform init"', 'init', null, 'init'],
    ['Error: Inconsistent dependency lock file', 'init', null, 'init'],
    ['Error: Failed to query available provider packages', 'init', 'registry', null],
    ['no valid credential sources for S3 Backend found', 'auth', 'auth', null],
    ['pq: password authentication failed for user "tf"', 'auth', 'auth', null],
    ['Error: Failed to load state: timeout', 'backend', 'backend', null],
    [
      'Initializing the backend...\ndial tcp [::1]:5432: connect: connection refused',
      'backend',
      'backend',
      null,
    ],
    [
      'Initializing the backend...\nInitializing provider plugins...\ndial tcp: i/o timeout',
      'init',
      'registry',
      null,
    ],
    ['terragrunt.hcl:3: parsing failed', 'config', null, null],
    ['nothing that is known', 'crash', null, null],
  ];
  for (const [message, phase, breaker, cure] of table)
    assert.deepEqual(plan(message), { phase, breaker, cure }, message);
});

test('where an error stands tells a provider from the code, and a connection of Terraform from one of a provider', () => {
  assert.equal(error('Invalid request', { address: 'aws_x.y' }).phase, 'provider');
  assert.equal(error('Unsupported argument', { place: 'main.tf:3' }).phase, 'config');
  assert.equal(error('dial tcp 10.0.0.1:443: i/o timeout', { address: 'aws_x.y' }).phase, 'provider');
  assert.equal(error('dial tcp 10.0.0.1:5432: i/o timeout').phase, 'backend');
});

test('an init that fails is of init, and of the registry only if the network failed', () => {
  const init = (noise: string) => failureOf({ command: 'init', errors: [], noise });
  assert.deepEqual(init('strange'), { phase: 'init', breaker: null, cure: null });
  assert.deepEqual(init('no such host'), { phase: 'init', breaker: 'registry', cure: null });
});
